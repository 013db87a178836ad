//! Feature `serde`: how plain data is written where its own form would not do. The attributes name these by their paths.
//!
//! A `Duration` is a number of milliseconds, exact to the nanosecond for fifty days; the name of its field ends in `_ms`.

/// A length of time.
pub mod ms {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(time.as_secs_f64() * 1e3)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let ms = f64::deserialize(deserializer)?;
        if ms >= 0.0 {
            // The longest time there is, where it is more.
            Ok(Duration::try_from_secs_f64(ms / 1e3).unwrap_or(Duration::MAX))
        } else {
            Err(D::Error::custom("a time is 0 ms or more"))
        }
    }
}

/// A length of time, or `null`.
pub mod maybe_ms {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    #[derive(Serialize, Deserialize)]
    struct Ms(#[serde(with = "crate::serial::ms")] Duration);

    pub fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(Ms).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Ms>::deserialize(deserializer)?.map(|Ms(time)| time))
    }
}

/// An array of any length, as a list.
pub mod array {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(items: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        items.serialize(serializer)
    }

    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[T; N], D::Error> {
        let items = Vec::deserialize(deserializer)?;
        let found = items.len();
        items.try_into().map_err(|_| D::Error::custom(format!("{found} items instead of {N}")))
    }
}
