//! What was built yesterday works tomorrow: hosts, providers and consumers of different age, compilers and allocators.

mod allocators;
mod golden;
mod skew;
