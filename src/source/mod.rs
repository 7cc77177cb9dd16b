//! WIP
pub mod settings;
