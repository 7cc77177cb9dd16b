//! WIP
mod escape;
