//! The storage that implements the port.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path as FolderPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::error::root_cause;
use chinwag_core::file_store::{
    Attempt, FileKey, FileLister, FileReader, FileStore, FileWriter, PartId, PresignedHeaders,
};
use chinwag_core::store::{Answer, Done};
use chinwag_core::{Error, FileId, Result};
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};
use rustix::fs::statvfs;
use tokio::task::spawn_blocking;

use crate::fault::Faults;
use crate::folder::create_folder;
use crate::folder_lister::FolderLister;
use crate::folder_reader::FolderReader;
use crate::key::{self, UPLOADS};
use crate::lister::ObjectLister;
use crate::location::Location;
use crate::owner::Owner;
use crate::reader::ObjectReader;
use crate::sweep::sweep;
use crate::writer::ObjectWriter;

/// The size of a write to a folder, in bytes.
const FOLDER_PART: usize = 1 << 20;
/// The size of a part of a multipart upload, in bytes: the minimum of S3.
const BUCKET_PART: usize = 5 << 20;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Timeout of one request to a bucket, including its body.
const REQUEST_WITHIN: Duration = Duration::from_secs(15);
const RETRIES: usize = 2;
/// In a folder that several nodes share, a temporary object that was not written to for this time is
/// abandoned.
const STAGED_FOR: Duration = Duration::from_secs(3600);
/// No retry starts after this time.
const RETRY_WITHIN: Duration = Duration::from_secs(10);

/// The settings of a storage.
#[derive(Debug, Clone)]
pub struct Options {
    pub data: PathBuf,
    /// The bytes to keep free on the disk of a folder.
    pub min_free: u64,
    /// The variables `AWS_…` with the address and the credentials of a bucket.
    pub variables: Vec<(String, String)>,
    /// Timeout of one request to a bucket, including its body (15 s). A request is retried twice.
    pub request: Duration,
}

impl Options {
    /// The defaults. No space is kept free.
    pub fn new(data: PathBuf, variables: Vec<(String, String)>) -> Self {
        Self { data, min_free: 0, variables, request: REQUEST_WITHIN }
    }
}

/// Files in a folder or in a bucket.
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    faults: Faults,
    prefix: Path,
    part: usize,
    folder: Option<Folder>,
    bucket: Option<AmazonS3>,
}

struct Folder {
    path: PathBuf,
    min_free: u64,
    /// Whether no other node writes to it.
    is_own: bool,
    /// The owner of new objects that root writes.
    owner: Option<Owner>,
}

/// Why a storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The folder cannot be created or read.
    #[error("files.store: the folder {} cannot be used: {why}", .path.display())]
    Folder { path: PathBuf, why: io::Error },
    /// The library rejects the configuration of the bucket.
    #[error("files.store: the bucket cannot be used: {}{}", .0, innermost(.0))]
    Bucket(object_store::Error),
}

impl Storage {
    /// Opens the storage at a location. Sends no request to a bucket yet.
    pub fn open(location: &Location, options: &Options) -> Result<Self, StorageError> {
        match location {
            Location::Bucket { bucket, prefix } => Self::bucket(bucket, prefix, options),
            Location::Data | Location::Folder(_) => {
                let path = location.folder(&options.data).expect("a bucket has its own arm");
                let (is_own, owner) = (location.is_of_one_node(), Owner::of(&options.data));
                Self::folder(Folder { path, min_free: options.min_free, is_own, owner })
            }
        }
    }

    fn folder(folder: Folder) -> Result<Self, StorageError> {
        let path = folder.path.clone();
        let refused = |why| StorageError::Folder { path: path.clone(), why };
        make_folder(&path, folder.owner).map_err(refused)?;
        let store = LocalFileSystem::new_with_prefix(&path).map_err(|why| refused(io::Error::other(why)))?;
        // Removes the folder of an upload together with its last part.
        let store = store.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self {
            store: Arc::new(store),
            faults: Faults::default(),
            prefix: Path::default(),
            part: FOLDER_PART,
            folder: Some(folder),
            bucket: None,
        })
    }

    /// Removes objects that a crash has left incomplete in a folder, and returns their number. In a bucket,
    /// the bucket's lifecycle rule does that.
    pub fn sweep(&self) -> io::Result<usize> {
        match &self.folder {
            Some(folder) => sweep(&folder.path, if folder.is_own { Duration::ZERO } else { STAGED_FOR }),
            None => Ok(0),
        }
    }

    /// Opens a bucket with the endpoint and the credentials of the variables.
    fn bucket(bucket: &str, prefix: &str, options: &Options) -> Result<Self, StorageError> {
        // Fails if the program has already installed a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = AmazonS3Builder::new();
        let mut client =
            ClientOptions::new().with_connect_timeout(CONNECT_WITHIN).with_timeout(options.request);
        for (name, value) in &options.variables {
            match name.to_ascii_lowercase().parse() {
                // The endpoint determines whether TLS is used.
                Ok(AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint)
                    if value.starts_with("http://") =>
                {
                    client = client.with_allow_http(true);
                    builder = builder.with_endpoint(value);
                }
                Ok(AmazonS3ConfigKey::Client(key)) => client = client.with_config(key, value),
                Ok(key) => builder = builder.with_config(key, value),
                // Ignore variables of other programs.
                Err(_) => {}
            }
        }
        let retry =
            RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_WITHIN, ..RetryConfig::default() };
        let store = builder
            .with_bucket_name(bucket)
            .with_client_options(client)
            .with_retry(retry)
            .build()
            .map_err(StorageError::Bucket)?;
        Ok(Self {
            store: Arc::new(store.clone()),
            faults: Faults::default(),
            prefix: Path::parse(prefix).map_err(|why| StorageError::Bucket(why.into()))?,
            part: BUCKET_PART,
            folder: None,
            bucket: Some(store),
        })
    }

    /// The reason of the last fault, for the output of commands.
    pub fn last_fault(&self) -> Option<String> {
        self.faults.last()
    }

    fn path(&self, key: FileKey) -> Path {
        key::path(&self.prefix, key)
    }

    async fn delete(&self, key: FileKey) -> Result<()> {
        match self.faults.outcome(self.store.delete(&self.path(key))).await {
            Err(Error::NotFound(_)) => Ok(()),
            deleted => deleted,
        }
    }

    /// The objects of an upload with their sizes.
    async fn list_upload(&self, id: FileId) -> Result<Vec<(FileKey, u64)>> {
        let found: Vec<_> =
            self.faults.outcome(self.store.list(Some(&key::upload(&self.prefix, id))).try_collect()).await?;
        let key = |object: &ObjectMeta| Some((key::parse(&self.prefix, &object.location)?, object.size));
        Ok(found.iter().filter_map(key).collect())
    }

    async fn list_parts(&self, id: FileId) -> Result<Vec<(PartId, u64)>> {
        let part = |(key, size)| match key {
            FileKey::Part(_, part) => Some((part, size)),
            _ => None,
        };
        let mut parts: Vec<_> = self.list_upload(id).await?.into_iter().filter_map(part).collect();
        parts.sort_unstable();
        Ok(parts)
    }

    /// Deletes the objects of an upload, except those of an attempt.
    async fn delete_upload(&self, id: FileId, except: Option<Attempt>) -> Result<()> {
        for (key, _) in self.list_upload(id).await? {
            let attempt = match key {
                FileKey::Whole(_, attempt) | FileKey::Thumbnail(_, attempt) => Some(attempt),
                FileKey::Part(..) => None,
            };
            if attempt.is_none() || attempt != except {
                self.delete(key).await?;
            }
        }
        Ok(())
    }
}

impl FileStore for Storage {
    fn create(&self, key: FileKey) -> Answer<'_, Box<dyn FileWriter>> {
        Box::pin(async move {
            if let Some(folder) = &self.folder {
                folder.require_room().await?;
            }
            let writer =
                ObjectWriter::new(self.store.clone(), self.faults.clone(), self.path(key), self.part);
            let new_owner =
                self.folder.as_ref().and_then(|folder| Some((folder.owner?, folder.path.clone())));
            Ok(Box::new(writer.with_owner(new_owner)) as Box<dyn FileWriter>)
        })
    }

    fn read(&self, key: FileKey, range: Range<u64>) -> Box<dyn FileReader> {
        let (path, faults) = (self.path(key), self.faults.clone());
        match &self.folder {
            Some(folder) => Box::new(FolderReader::new(faults, folder.path.join(path.to_string()), range)),
            None => Box::new(ObjectReader::new(self.store.clone(), faults, path, range)),
        }
    }

    fn size(&self, key: FileKey) -> Answer<'_, Option<u64>> {
        Box::pin(async move {
            match self.faults.outcome(self.store.head(&self.path(key))).await {
                Ok(found) => Ok(Some(found.size)),
                Err(Error::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn parts(&self, id: FileId) -> Answer<'_, Vec<(PartId, u64)>> {
        Box::pin(self.list_parts(id))
    }

    fn remove_except(&self, id: FileId, attempt: Attempt) -> Done<'_> {
        Box::pin(self.delete_upload(id, Some(attempt)))
    }

    fn remove(&self, id: FileId) -> Done<'_> {
        Box::pin(async move {
            self.delete(FileKey::Whole(id, Attempt::ONLY)).await?;
            self.delete(FileKey::Thumbnail(id, Attempt::ONLY)).await?;
            self.delete_upload(id, None).await?;
            // A confirmed deletion must survive a power failure.
            match &self.folder {
                Some(folder) => folder.sync().await,
                None => Ok(()),
            }
        })
    }

    fn list(&self) -> Box<dyn FileLister> {
        if let Some(folder) = &self.folder {
            return Box::new(FolderLister::new(self.faults.clone(), folder.path.clone()));
        }
        let all = Some(&self.prefix).filter(|prefix| !prefix.is_root());
        let objects = self.store.list(all).fuse();
        Box::new(ObjectLister { objects, faults: self.faults.clone(), prefix: self.prefix.clone() })
    }

    fn presign<'a>(
        &'a self,
        key: FileKey,
        headers: PresignedHeaders<'a>,
        ttl: Duration,
    ) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let Some(bucket) = &self.bucket else { return Ok(None) };
            let options = SignedUrlOptions::new().with_query([
                ("response-content-disposition", headers.content_disposition),
                ("response-content-type", headers.content_type),
                ("response-cache-control", "private, no-store"),
            ]);
            let path = self.path(key);
            let url = bucket.signed_url_opts(Method::GET, &path, ttl, &options);
            Ok(Some(self.faults.outcome(url).await?.into()))
        })
    }
}

impl Folder {
    /// Refuses new content if the disk has less free space than must be kept.
    async fn require_room(&self) -> Result<()> {
        let disk = self.ask(|path| Ok(statvfs(path)?)).await?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.min_free { Err(Error::Full) } else { Ok(()) }
    }

    async fn sync(&self) -> Result<()> {
        self.ask(|path| {
            match File::open(path.join(UPLOADS)) {
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                uploads => uploads?.sync_all()?,
            }
            File::open(path)?.sync_all()
        })
        .await
    }

    /// Queries the system about the folder. May block, for example on a network file system.
    async fn ask<T: Send + 'static>(&self, ask: fn(&FolderPath) -> io::Result<T>) -> Result<T> {
        let path = self.path.clone();
        let answer = spawn_blocking(move || ask(&path)).await.map_err(Error::internal)?;
        answer.map_err(|why| Error::internal(format!("files.store: {why}")))
    }
}

/// Creates the folder, readable only by the server's user.
fn make_folder(path: &FolderPath, owner: Option<Owner>) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let created = create_folder(path)?;
    owner.map_or(Ok(()), |owner| created.iter().try_for_each(|folder| owner.change_owner(folder)))
}

/// The innermost cause of a fault, such as missing certificates, unless the text of the fault contains it.
fn innermost(fault: &object_store::Error) -> String {
    let text = root_cause(fault).to_string();
    if fault.to_string().contains(&text) { String::new() } else { format!(": {text}") }
}
