//! Ids that look like the service's: UUIDs, or UUIDs behind a prefix as the live service has them.
//!
//! Pure: an id is a hash of the emulator's seed and a name, so the same seed, start and scenario
//! give the same ids, and a later start gives fresh ones.

use sha2::{Digest, Sha256};

use super::Profile;

/// Makes ids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) seed: u64,
    pub(super) profile: Profile,
}

impl Ids {
    /// The UUID that belongs to `name`; in its bits a version 4 one.
    pub(super) fn uuid(self, name: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.seed.to_be_bytes());
        hasher.update(name.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize()[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// The id of a job: a bare UUID, or with the prefix that the live service gives its type.
    pub(super) fn job(self, job_type: &str, project_id: Option<&str>, name: &str) -> String {
        let uuid = self.uuid(&format!("job {name}"));
        if self.profile == Profile::Spec {
            return uuid;
        }
        let project = project_id.unwrap_or("none");
        match job_type {
            "import/project_media" => format!("project-media-import-{uuid}"),
            "publish" => format!("project-media-publish-{project}-{uuid}"),
            "agent" => format!("project-agent-edit-{project}-{uuid}"),
            other => format!("{}-{uuid}", other.replace('/', "-")),
        }
    }
}

/// Whether `text` is written as a UUID.
pub(super) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_has_the_same_uuid_and_another_seed_another() {
        let ids = Ids { seed: 1, profile: Profile::Spec };

        assert_eq!(ids.uuid("a"), ids.uuid("a"));
        assert_ne!(ids.uuid("a"), Ids { seed: 2, ..ids }.uuid("a"));
        assert!(is_uuid(&ids.uuid("a")));
    }

    #[test]
    fn only_the_live_service_puts_a_prefix_before_its_job_ids() {
        let spec = Ids { seed: 1, profile: Profile::Spec };
        let live = Ids { seed: 1, profile: Profile::Live };

        assert!(is_uuid(&spec.job("agent", Some("p"), "1")));
        assert!(live.job("agent", Some("p"), "1").starts_with("project-agent-edit-p-"));
        assert!(live.job("export/timeline", None, "1").starts_with("export-timeline-"));
    }

    #[test]
    fn a_uuid_has_its_groups_and_digits() {
        assert!(is_uuid("9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb"));
        assert!(!is_uuid("9f36ee32-5a2c-47e7-b1a3"));
        assert!(!is_uuid("zf36ee32-5a2c-47e7-b1a3-94991d3e3ddb"));
    }
}
