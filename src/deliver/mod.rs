//! WIP
pub mod command;
pub mod console;
pub mod discord;
pub mod email;
pub mod settings;
pub mod slack;
pub mod webhook;
