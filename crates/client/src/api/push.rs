//! Subscriptions to notifications.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// The server's public key, with which devices subscribe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushKey {
    /// A point of P-256 in base64url.
    pub key: String,
}

/// A device to subscribe to notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewSubscription {
    /// The user, if a service sends the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The address at the push service.
    pub endpoint: String,
    pub keys: SubscriptionKeys,
}

/// The keys of a device, with which notifications are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubscriptionKeys {
    /// A point of P-256 in base64url.
    pub p256dh: String,
    /// 16 bytes in base64url.
    pub auth: String,
}

/// A subscribed device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Assigned by the server.
    pub id: Uuid,
    /// The address at the push service.
    pub endpoint: String,
    /// The date of the subscription.
    pub created: String,
}

impl Rest {
    /// The key with which devices subscribe.
    pub async fn push_key(&self) -> Result<PushKey, Error> {
        self.get("push/key/").await
    }

    /// Subscribes a device to notifications.
    pub async fn subscribe(&self, device: &NewSubscription) -> Result<Subscription, Error> {
        self.post("push/subscriptions/", device).await
    }

    /// The user's subscriptions. The one that was sent longest ago comes first.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, Error> {
        self.get("push/subscriptions/").await
    }

    /// Ends a subscription.
    pub async fn unsubscribe(&self, id: Uuid) -> Result<(), Error> {
        self.delete(&format!("push/subscriptions/{id}/")).await
    }
}
