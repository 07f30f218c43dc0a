//! How many handshakes and requests a second does one core make? `cargo run --release -p bareflight-handshake-driver
//! --example figures`

use std::sync::Arc;
use std::time::{Duration, Instant};

use bareflight_handshake_driver::measure::Mutual;
use bareflight_handshake_driver::{ConnectError, Pki, Versions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    measure("ring", &Arc::default())?;
    measure("insecure test crypto", &Arc::new(Pki::insecure_test(0)))?;
    Ok(())
}

fn measure(name: &str, pki: &Arc<Pki>) -> Result<(), ConnectError> {
    for versions in [Versions::Tls12, Versions::Tls13] {
        let mut mutual = Mutual::new(Arc::clone(pki), versions)?;
        println!("{name}, {versions:?}");
        rate("full mutual handshakes", || mutual.full().is_ok());
        rate("resumed mutual handshakes", || mutual.resumed().is_ok());
        rate("requests on an open connection", || {
            mutual.request().is_ok()
        });
    }
    Ok(())
}

fn rate(what: &str, mut once: impl FnMut() -> bool) {
    const LONG_ENOUGH: Duration = Duration::from_secs(2);
    let start = Instant::now();
    let mut times = 0u32;
    while start.elapsed() < LONG_ENOUGH {
        assert!(once(), "{what}: number {times} failed");
        times += 1;
    }
    println!(
        "  {what}: {:.0} a second",
        f64::from(times) / start.elapsed().as_secs_f64()
    );
}
