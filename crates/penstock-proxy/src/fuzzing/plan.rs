//! Plans, as a worker is given them.

use penstock_plan::Plan;

/// A plan that is read says the same when it is written and read again.
pub(super) fn plan(bytes: &[u8]) -> bool {
    let Ok(plan) = serde_json::from_slice::<Plan>(bytes) else { return false };
    let written = serde_json::to_vec(&plan).unwrap_or_default();
    assert!(serde_json::from_slice::<Plan>(&written).is_ok_and(|again| again == plan));
    true
}
