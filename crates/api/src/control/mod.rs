//! The surface of the control socket: the native API with an operator's rights, and operators' tokens.
//!
//! Who can open the socket is an operator: that is a matter of file permissions, which the binary sets. Calls about an environment
//! name it in the header `postrider-environment`, unless there is only one.

use axum::Extension;
use axum::Router;
use axum::routing::{delete, get};

use crate::auth::caller::FromControlSocket;
use crate::state::ApiState;

mod operator_tokens;

pub(crate) fn routes(native: Router<ApiState>) -> Router<ApiState> {
    native
        .route("/api/v1/operator-tokens", get(operator_tokens::list).post(operator_tokens::create))
        .route("/api/v1/operator-tokens/{tokenId}", delete(operator_tokens::revoke))
        .layer(Extension(FromControlSocket))
}
