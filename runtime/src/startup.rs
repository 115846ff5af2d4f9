//! Before `main`: the `fork` handlers of every lock of the runtime.
//!
//! Each lock's owner installs its handlers before it first takes the lock, so
//! nothing depends on this file; constructors of other libraries may use the
//! heap before it runs. But a thread that is inside `fork` at the very moment
//! another one uses a lock for the first time would miss the new handlers.
//! Before `main` there is no other thread.

/// Installs the handlers, inner locks first. And the environment is best read while
/// nobody can change it.
extern "C" fn install_fork_handlers() {
    crate::heap::read_settings();
    crate::heap::prepare_for_fork();
    crate::alloc::kmem::prepare_for_fork();
    crate::alloc::owned::prepare_for_fork();
    crate::manager::abi::prepare_for_fork();
}

#[used]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
static AT_START: extern "C" fn() = install_fork_handlers;
