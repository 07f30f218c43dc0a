//! Which connection, and which TLS session, may serve this request?
