//! Policy, pool key and connections composed: a sans-I/O fetch.
