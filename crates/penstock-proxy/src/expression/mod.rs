//! Conditions and templates.
