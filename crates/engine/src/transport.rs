//! What requests leave through: the egress client, or a stand-in for it.

use std::pin::Pin;

use postrider_egress::{Egress, Exchange, OutboundRequest};

/// An exchange under way. Dropped, it is given up.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Exchange> + Send + 'a>>;

/// Sends a request and reads the answer, within the request's deadline.
pub trait Transport: Send + Sync + 'static {
    /// Begins an exchange.
    fn send(&self, request: OutboundRequest) -> Sending<'_>;
}

impl Transport for Egress {
    fn send(&self, request: OutboundRequest) -> Sending<'_> {
        Box::pin(Self::send(self, request))
    }
}
