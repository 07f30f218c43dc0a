//! What the fuzz targets call: bytes in, a panic where something is broken.
