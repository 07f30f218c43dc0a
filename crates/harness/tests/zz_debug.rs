//! d
use bareflight_harness::tier::TierName;
use bareflight_harness::{Campaign, Runner};
use bareflight_harness::scenario::Scenario;
#[test]
fn dbg() {
    let text = r#"
bareflight = 1
[server.api]
hosts = ["api.test"]
client-certificate = "request"
[[step]]
fetch = "https://api.test/go"
method = "DELETE"
credentials = "include"
from = "https://shop.test"
[[step]]
fetch = "https://api.test/go"
method = "DELETE"
credentials = "include"
from = "https://shop.test"
[[step]]
event = "time"
seconds = 8000
"#;
    let s = Scenario::from_toml(text).unwrap();
    let mut runner = Runner::new(TierName::Model).unwrap();
    let v = runner.run(&s, None).unwrap();
    println!("{:#?}", v.violations.len());
    let mut campaign = Campaign::new(1, []);
    for n in 0..20000 {
        let sc = campaign.next_scenario();
        runner.run(&sc, None).unwrap();
        let v = runner.run(&s, None).unwrap();
        if !v.violations.is_empty() { println!("after {n}\n{}", sc.to_toml());
          let mut runner = Runner::new(TierName::Model).unwrap();
          runner.run(&sc, None).unwrap();
          println!("again {}", runner.run(&s, None).unwrap().violations.len());
        break; }
    }
}
