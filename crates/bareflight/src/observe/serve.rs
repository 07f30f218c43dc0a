//! `bareflight serve`: any browser, by opening a page.

use bareflight_observatory::serve::Serve;
use bareflight_observatory::{ObserveError, Place, browser_scenarios, core_scenarios};

use super::{Observed, html};
use crate::cli::ServeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

pub(crate) fn serve(args: &ServeArgs) -> Result<Exit, Failure> {
    let place = Place::new(args.host.clone(), args.listen);
    let serve = Serve {
        place: place.map_err(|error| Failure::Usage(error.to_string()))?,
        port: args.port,
        asked: match args.all {
            true => browser_scenarios(),
            false => core_scenarios(),
        },
        runs: args.runs,
        render: Box::new(|report, links| {
            html::page(&[Observed::Seen(Box::new(report.clone()))], links)
        }),
    };
    let ready = |address: &str| {
        let printed = output::print(&format!(
            "open {address} in the browser that is to be observed; Ctrl-C ends this\n"
        ));
        // Whoever cannot read it may know the address all the same.
        printed.unwrap_or_else(|failure| failure.report());
    };
    let served = serve.until_interrupted(ready);
    served.map_err(ObserveError::from)?;
    Ok(Exit::Holds)
}
