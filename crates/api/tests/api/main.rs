//! The router in-process, over a real store and engine in a temporary directory, with receivers on loopback.

mod app;
mod auth;
mod browser;
mod control;
mod cors;
mod credentials;
mod document;
mod event_types;
mod filters;
mod frontegg;
mod fuzz;
mod hidden;
mod issuer_keys;
mod jobs;
mod limits;
mod native;
mod pages;
mod portals;
mod reach;
mod sending;
mod sessions;
mod shapes;
mod statistics;
mod stream;
mod stream_ends;
mod tenants;
