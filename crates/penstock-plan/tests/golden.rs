//! The plans that the compiler's cases expect are plans: what Python writes, Rust reads whole.

use std::error::Error;
use std::fs;
use std::path::Path;

use penstock_plan::Plan;
use serde_json::Value;

#[test]
fn every_golden_plan_is_read_and_written_back_the_same() -> Result<(), Box<dyn Error>> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compiler/cases");
    let mut plans = 0;
    for entry in fs::read_dir(cases)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path)?;
            let plan: Plan = serde_json::from_str(&text).map_err(|problem| format!("{}: {problem}", path.display()))?;
            let written: Value = serde_json::to_value(&plan)?;
            assert_eq!(written, serde_json::from_str::<Value>(&text)?, "{}", path.display());
            plans += 1;
        }
    }
    assert!(plans > 0, "no golden plans were found");
    Ok(())
}
