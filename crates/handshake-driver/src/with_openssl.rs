//! OpenSSL as the second stack: what both of its ends need.

mod credentials;
mod ffi;
mod stream;
mod words;

pub(crate) use credentials::{Credentials, roots, unix};
pub(crate) use ffi::{
    ask_after_the_handshake, begin_renegotiation, lifetime_of, look_up, offer,
    offer_post_handshake_authentication, server_name_in_hello, set_lifetime, when_asked,
};
pub(crate) use stream::{Tls, Watch};
pub(crate) use words::version;
