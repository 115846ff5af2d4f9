//! Windows: `VirtualAlloc` and its family. Contracts are in the parent module.
