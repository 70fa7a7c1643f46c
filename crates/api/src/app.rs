//! What all requests share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fieldrail_node::Node;
use fieldrail_node::views::Instance;
use tokio::sync::{Mutex, Semaphore, watch};

use crate::camera::MOST_CAMERAS;

/// Live connections at the same time.
pub(crate) const MOST_LIVE: u32 = 256;

/// Instances are looked at again after so long, however many browsers watch them.
const FRESH: Duration = Duration::from_millis(900);

/// What all requests share.
pub(crate) struct App {
    pub(crate) node: Arc<Node>,
    /// Where it is served; none in a router that nobody listens for.
    pub(crate) listen: Option<SocketAddr>,
    /// Where it is served over HTTPS.
    pub(crate) secure: Option<SocketAddr>,
    /// True once the server is told to stop.
    pub(crate) closing: watch::Sender<bool>,
    /// One permit for each live connection.
    pub(crate) live: Arc<Semaphore>,
    /// One permit for each picture of a camera that is fetched.
    pub(crate) cameras: Arc<Semaphore>,
    instances: Mutex<Option<Look>>,
}

/// All instances at one moment.
struct Look {
    taken: Instant,
    epoch: u64,
    all: Arc<Vec<Instance>>,
}

impl App {
    pub(crate) fn new(node: Arc<Node>, listen: Option<SocketAddr>, secure: Option<SocketAddr>) -> Arc<Self> {
        let live = Arc::new(Semaphore::new(MOST_LIVE as usize));
        let (closing, cameras) = (watch::Sender::new(false), Arc::new(Semaphore::new(MOST_CAMERAS)));
        Arc::new(Self { node, listen, secure, closing, live, cameras, instances: Mutex::default() })
    }

    /// All instances as of less than a second ago, and after their last change of state.
    pub(crate) async fn instances(&self) -> Arc<Vec<Instance>> {
        let mut look = self.instances.lock().await;
        let epoch = *self.node.instance_changes().borrow();
        if let Some(look) = &*look
            && look.epoch == epoch
            && look.taken.elapsed() < FRESH
        {
            return Arc::clone(&look.all);
        }
        let all = Arc::new(self.node.instances());
        *look = Some(Look { taken: Instant::now(), epoch, all: Arc::clone(&all) });
        all
    }
}
