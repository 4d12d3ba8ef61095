//! What admins and users decide about plugins.

mod audit;
mod grants;
mod links;
mod policy;
