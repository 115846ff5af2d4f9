//! The checked mode as a whole: switched on, refused, used by several threads.

use super::testing::{Random, found, in_child_enabled};
use super::*;
use crate::heap::tests::in_child;

fn supported() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

#[test]
fn it_is_switched_on_once() {
    in_child_enabled(|| {
        assert!(is_enabled());
        assert_eq!(enable(Options::default()), Err(EnableError::AlreadySelected));
    });
    assert!(!is_enabled() && program_area(10).is_none());
    assert!(allocate(10, 16, false, Origin::Vex, Trace::NONE).is_null());
    in_child(|| {
        // SAFETY: the child has one thread.
        unsafe { std::env::set_var(OFF_VARIABLE, "bounds,nonsense") };
        assert_eq!(enable(Options::default()), Err(EnableError::UnknownCheck("nonsense".to_owned())));
        // SAFETY: as above.
        unsafe { std::env::set_var(OFF_VARIABLE, "bounds,leaks") };
        assert_eq!(enable(Options::default()).is_ok(), supported());
        assert!(!supported() || !is_on(Checks::BOUNDS) && !is_on(Checks::LEAKS) && is_on(Checks::ALIGN));
    });
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn a_limit_of_addresses_is_an_error_that_says_so() {
    in_child(|| {
        let limit = libc::rlimit { rlim_cur: 8 << 30, rlim_max: 8 << 30 };
        // SAFETY: the limit is readable.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
        let error = enable(Options::default()).expect_err("no room");
        assert!(matches!(error, EnableError::Reserve("the program's memory", map::ARENA, map::ARENA_BYTES)));
        assert!(error.to_string().contains("ulimit -v"));
        assert!(!is_enabled());
    });
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn without_a_handler_a_defect_ends_the_process() {
    in_child(|| {
        // SAFETY: the grandchild leaves by the exit that is tested.
        let child = unsafe { libc::fork() };
        if child == 0 {
            enable(Options::default()).expect("addresses");
            check_range(core::ptr::null(), 8, true, false, "f");
            std::process::exit(0);
        }
        let mut status = 0;
        // SAFETY: a child of this process; the place is writable.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, EXIT_CODE));
    });
}

#[test]
fn threads_share_the_heap() {
    in_child_enabled(|| {
        set_stack(0..0);
        let work = |seed: u64| {
            let mut random = Random(seed);
            let mut live: Vec<(*mut u8, usize)> = Vec::new();
            for _ in 0..3000 {
                if random.below(2) == 0 || live.is_empty() {
                    let size = random.below(500);
                    let block = allocate(size, 16, false, Origin::Vex, Trace::of(&[size + 1]));
                    let plain = check_range(block, size, true, false, "");
                    // SAFETY: the block is live and this thread's.
                    unsafe { plain.write_bytes(seed as u8, size) };
                    live.push((block, size));
                } else {
                    let (block, size) = live.swap_remove(random.below(live.len()));
                    let plain = check_range(block, size, false, false, "");
                    // SAFETY: as above.
                    assert!((0..size).all(|at| unsafe { *plain.add(at) } == seed as u8));
                    assert!(deallocate(block, &Release::new(Origin::Vex, "f", Trace::capture())));
                }
            }
            for (block, _) in live {
                assert!(deallocate(block, &Release::new(Origin::Vex, "f", Trace::NONE)));
            }
        };
        std::thread::scope(|scope| {
            (1..4).for_each(|seed| {
                scope.spawn(move || work(seed));
            });
            work(4);
        });
        assert!(found().is_empty());
        assert_eq!(figures().blocks, 0);
    });
}

#[test]
fn areas_are_the_programs_and_come_back_clean() {
    in_child_enabled(|| {
        let first = program_area(5000).expect("room");
        let start = first.as_ptr().addr();
        assert!(map::in_arena(start) && start.is_multiple_of(os::page_size()));
        // SAFETY: the area has two OS pages.
        unsafe {
            first.as_ptr().write_bytes(7, 8192);
            assert_eq!(lookup(start + 8191), None);
            program_area_free(first, 5000);
            let again = program_area(8192).expect("room");
            assert_eq!(again, first);
            assert!((0..8192).all(|at| *again.as_ptr().add(at) == 0));
        }
        assert!(shadow_bytes(start..start + 8192).iter().all(|byte| *byte == 0));
        assert_eq!(
            shadow_bytes(start - 1..start + 8193).iter().filter(|byte| **byte == map::GUARD).count(),
            2
        );
        assert!(program_area(map::ARENA_BYTES).is_none());
    });
}
