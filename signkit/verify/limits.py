"""Every limit, in one place; sizes in bytes unless the name says otherwise.

A limit is there so that hostile input costs little. Each is far above what honest use needs.

Controls: SK-FORMAT-LIMITS (docs/design/assurance.md).
"""

MIB = 1024 * 1024

# Documents, as files.
REQUEST_SIZE = 192 * MIB
RESPONSE_SIZE = 512 * MIB
STATEMENT_SIZE = 1 * MIB
TRUST_SIZE = 4 * MIB
STATE_SIZE = 32 * MIB
MANIFEST_SIZE = 64 * MIB
PLAN_SIZE = 512 * MIB
KEY_FILE_SIZE = 16 * 1024
EVIDENCE_SIZE = 256 * 1024
OPENPGP_SIGNATURE_SIZE = 16 * 1024
RELEASE_LIST_SIZE = 64 * MIB  # and a list of paths

# A bundle archive: its index, and what 32 bits can say.
BUNDLE_INDEX_SIZE = 16 * MIB
BUNDLE_CONTENT_SIZE = 2**32 - 1

# What stands in them.
ENVELOPE_SIGNATURE_COUNT = 64
KEY_COUNT = 1024
ROLE_COUNT = 64
ITEM_COUNT = 100_000
BUNDLE_MEMBER_COUNT = 1_000
NAME_LENGTH = 255  # characters; a file name
LABEL_LENGTH = 128  # characters; artifact, version, target, key name (contract section 1.6)
PATH_SIZE = 4096  # of a file in a plan
REASON_LENGTH = 2000  # characters
CUSTOM_METADATA_SIZE = 1_000_000  # compact serialisation (contract section 1.6)
CUSTOM_METADATA_DEPTH = 32

JSON_DEPTH = 64  # containers in one another; custom metadata stands in three

# Numbers: what every JSON reader holds exactly (RFC 8259 section 6, RFC 7493 section 2.2).
INTEGER_MAX = 2**53 - 1

# Content: 10,000 parts of 5 GiB (contract section 2.5).
CONTENT_SIZE = 53_687_091_200_000
PART_COUNT = 10_000
PART_SIZE = 1_000_000_000  # one that a plan may choose
