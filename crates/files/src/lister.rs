//! Lists all objects of a bucket.

use chinwag_core::Date;
use chinwag_core::file_store::{FileLister, LISTED_TOGETHER, ListedObject};
use chinwag_core::store::Answer;
use futures_util::TryStreamExt;
use futures_util::stream::{BoxStream, Fuse};
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::fault::Faults;
use crate::key;

pub(crate) struct ObjectLister {
    /// Fused, because it may be polled after its end.
    pub(crate) objects: Fuse<BoxStream<'static, object_store::Result<ObjectMeta>>>,
    pub(crate) faults: Faults,
    pub(crate) prefix: Path,
}

impl FileLister for ObjectLister {
    fn next(&mut self) -> Answer<'_, Vec<ListedObject>> {
        Box::pin(async {
            let mut page = Vec::new();
            while page.len() < LISTED_TOGETHER {
                let Some(found) = self.faults.outcome(self.objects.try_next()).await? else { break };
                // Objects with other names are ignored.
                let Some(key) = key::parse(&self.prefix, &found.location) else { continue };
                let written = Date::from_micros(found.last_modified.timestamp_micros());
                page.push(ListedObject { key, size: found.size, written });
            }
            Ok(page)
        })
    }
}
