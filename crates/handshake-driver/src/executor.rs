//! Who runs next? Tasks in the order in which they were woken, on one thread, within a budget.
//!
//! No runtime, no timers, no threads: the same tasks woken in the same order run in the same order, and a task that
//! wakes itself for ever spends the budget and is reported, rather than hang the caller.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use crate::error::Busy;
use crate::lock;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Polls that one [`Executor::run`] may spend. A mutual handshake with a request takes some thirty.
const BUDGET: usize = 100_000;

/// Runs tasks until none can go on.
#[derive(Default)]
pub(crate) struct Executor {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    ready: Arc<ReadyQueue>,
    spawner: Spawner,
}

struct Slot {
    task: Task,
    awake: Arc<Alarm>,
    waker: Waker,
}

/// Hands new tasks to the [`Executor`]; hyper spawns HTTP/2's own tasks through it. It holds the queue of newcomers
/// only, so a task that holds a spawner does not keep itself alive.
#[derive(Clone, Default)]
pub(crate) struct Spawner(Rc<RefCell<Vec<Task>>>);

impl Spawner {
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.0.borrow_mut().push(Box::pin(task));
    }
}

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Spawner {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

impl Executor {
    pub(crate) fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// From now on `outside` is woken whenever a task is.
    pub(crate) fn wake_too(&self, outside: &Waker) {
        lock(&self.ready.outside).clone_from(&Some(outside.clone()));
    }

    /// Runs until no task is ready.
    pub(crate) fn run(&mut self) -> Result<(), Busy> {
        for _ in 0..BUDGET {
            self.admit();
            let Some(index) = self.ready.pop() else {
                return Ok(());
            };
            self.poll(index);
        }
        Err(Busy { polls: BUDGET })
    }

    fn admit(&mut self) {
        for task in self.spawner.0.take() {
            let index = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() - 1
            });
            let awake = Arc::new(Alarm {
                index,
                rung: AtomicBool::new(false),
                ready: Arc::clone(&self.ready),
            });
            let waker = Waker::from(Arc::clone(&awake));
            self.slots[index] = Some(Slot { task, awake, waker });
            self.slots[index]
                .as_ref()
                .inspect(|slot| slot.waker.wake_by_ref());
        }
    }

    fn poll(&mut self, index: usize) {
        // A finished task's alarm may ring once more; its slot is empty, or has another task, which does not mind.
        let Some(slot) = self.slots[index].as_mut() else {
            return;
        };
        slot.awake.rung.store(false, Ordering::Relaxed);
        let polled = slot
            .task
            .as_mut()
            .poll(&mut Context::from_waker(&slot.waker));
        if polled.is_ready() {
            self.slots[index] = None;
            self.free.push(index);
        }
    }
}

#[derive(Default)]
struct ReadyQueue {
    indices: Mutex<VecDeque<usize>>,
    /// Who waits for tasks to become ready, where something outside wakes them.
    outside: Mutex<Option<Waker>>,
}

impl ReadyQueue {
    fn pop(&self) -> Option<usize> {
        lock(&self.indices).pop_front()
    }
}

/// One task's waker: puts it into the queue, once.
struct Alarm {
    index: usize,
    rung: AtomicBool,
    ready: Arc<ReadyQueue>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::Relaxed) {
            lock(&self.ready.indices).push_back(self.index);
            if let Some(outside) = &*lock(&self.ready.outside) {
                outside.wake_by_ref();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    /// Lets all others that are ready go first.
    async fn yield_now() {
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    #[test]
    fn runs_in_the_order_of_waking() {
        let mut executor = Executor::default();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for task in 0..3 {
            let seen = Rc::clone(&seen);
            executor.spawner().spawn(async move {
                seen.borrow_mut().push(task);
                yield_now().await;
                seen.borrow_mut().push(task + 10);
            });
        }
        executor.run().unwrap();
        assert_eq!(*seen.borrow(), [0, 1, 2, 10, 11, 12]);
        assert_eq!(
            executor.free.len(),
            3,
            "finished tasks give their slots back"
        );
    }

    #[test]
    fn a_task_that_never_rests_is_reported() {
        let mut executor = Executor::default();
        executor.spawner().spawn(async {
            loop {
                yield_now().await;
            }
        });
        assert_eq!(executor.run(), Err(Busy { polls: BUDGET }));
    }

    #[test]
    fn tasks_spawned_by_tasks_run_and_are_dropped_with_the_executor() {
        let alive = Rc::new(());
        let mut executor = Executor::default();
        let (spawner, held) = (executor.spawner(), Rc::clone(&alive));
        executor.spawner().spawn(async move {
            let again = spawner.clone();
            spawner.spawn(async move {
                let _held = (held, again);
                std::future::pending::<()>().await;
            });
        });
        executor.run().unwrap();
        assert_eq!(Rc::strong_count(&alive), 2);
        drop(executor);
        assert_eq!(Rc::strong_count(&alive), 1, "no cycle keeps a task alive");
    }
}
