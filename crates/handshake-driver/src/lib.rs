//! What really happens on the wire?
