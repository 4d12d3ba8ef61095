//! What admins and users decide about plugins.

mod grants;
