//! libcurl under the step protocol: one easy handle, whose connections and sessions live on from request to request, its options set
//! anew for each.

#[path = "../../examples/speak/mod.rs"]
mod speak;

use std::time::Duration;

use curl::easy::{Easy, List};
use speak::{Step, World};

fn main() {
    let world = World::enter("libcurl");
    let mut easy = Easy::new();
    while let Some((number, step)) = speak::next() {
        let sent = send(&mut easy, &world, &step);
        speak::tell(number, sent.map_err(|error| error.to_string()));
    }
}

fn send(easy: &mut Easy, world: &World, step: &Step) -> Result<u16, curl::Error> {
    // All options go, connections and sessions stay.
    easy.reset();
    easy.url(&step.url)?;
    easy.noproxy("*")?;
    easy.timeout(Duration::from_secs(5))?;
    easy.cainfo(world.authorities())?;
    easy.ssl_verify_peer(step.key.verify)?;
    easy.ssl_verify_host(step.key.verify)?;
    if let Some(name) = &step.key.identity {
        easy.ssl_cert(world.file(name, "certificate"))?;
        easy.ssl_key(world.file(name, "key"))?;
    }
    let mut resolve = List::new();
    for (host, port, address) in world.servers() {
        resolve.append(&format!("{host}:{port}:{address}"))?;
    }
    easy.resolve(resolve)?;
    let mut headers = List::new();
    for (name, value) in &step.headers {
        headers.append(&format!("{name}: {value}"))?;
    }
    easy.http_headers(headers)?;
    if let Some(body) = &step.body {
        easy.post_fields_copy(body.as_bytes())?;
    }
    easy.custom_request(&step.method)?;
    let mut transfer = easy.transfer();
    transfer.write_function(|bytes| Ok(bytes.len()))?;
    transfer.perform()?;
    drop(transfer);
    Ok(u16::try_from(easy.response_code()?).unwrap_or(0))
}
