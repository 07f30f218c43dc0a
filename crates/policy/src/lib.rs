//! What may this request carry?
