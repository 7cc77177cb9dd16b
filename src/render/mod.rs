//! WIP
mod escape;
mod vocabulary;
