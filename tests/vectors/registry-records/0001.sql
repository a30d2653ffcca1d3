BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE artifact_versions (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	organization_row INTEGER NOT NULL, 
	artifact_row INTEGER NOT NULL, 
	version VARCHAR(128) NOT NULL, 
	description VARCHAR(256), 
	custom_metadata TEXT, 
	CONSTRAINT pk_artifact_versions PRIMARY KEY ("row"), 
	CONSTRAINT uq_artifact_versions_artifact_row_version UNIQUE (artifact_row, version), 
	CONSTRAINT uq_artifact_versions_organization_row_id UNIQUE (organization_row, id), 
	CONSTRAINT fk_artifact_versions_organization_row FOREIGN KEY(organization_row) REFERENCES organizations ("row"), 
	CONSTRAINT fk_artifact_versions_artifact_row FOREIGN KEY(artifact_row) REFERENCES artifacts ("row")
);
INSERT INTO "artifact_versions" VALUES(1,'c678d66fe5964e588d1d48e6408697e2',1795601312873432,1795601312873432,1,1,'1.0.0',NULL,NULL);
INSERT INTO "artifact_versions" VALUES(2,'f021c5d99e8c48bebeb3e4181a4d8c45',1795601313223757,1795601313223757,1,2,'1.0.0',NULL,NULL);
INSERT INTO "artifact_versions" VALUES(3,'664d7fa4f68548058f96329db182e06c',1795601313420844,1795601313420844,1,3,'1.0.0',NULL,NULL);
INSERT INTO "artifact_versions" VALUES(4,'30eeda8fa2d842b0ad616c0286a4841c',1795601313479959,1795601313479959,1,4,'1.0.0',NULL,NULL);
CREATE TABLE artifacts (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	organization_row INTEGER NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	description VARCHAR(256), 
	custom_metadata TEXT, 
	CONSTRAINT pk_artifacts PRIMARY KEY ("row"), 
	CONSTRAINT uq_artifacts_organization_row_name UNIQUE (organization_row, name), 
	CONSTRAINT uq_artifacts_organization_row_id UNIQUE (organization_row, id), 
	CONSTRAINT fk_artifacts_organization_row FOREIGN KEY(organization_row) REFERENCES organizations ("row")
);
INSERT INTO "artifacts" VALUES(1,'9b00f1cd96434ee6a2163827037b3b4d',1795601312821827,1795601312821827,1,'ML-Model',NULL,NULL);
INSERT INTO "artifacts" VALUES(2,'0cb88920a2d34d72bea2d500d9162995',1795601313216044,1795601313216044,1,'1ba30c00cdd34026a8b1e38b92c8bfda',NULL,NULL);
INSERT INTO "artifacts" VALUES(3,'4f19ad19d34244ccb0d6e26bcd48f2a3',1795601313415410,1795601313415410,1,'11dd7db483884f638f596bce4bde30e0',NULL,NULL);
INSERT INTO "artifacts" VALUES(4,'54503119a52540caa7815cd3018812bd',1795601313474480,1795601313474480,1,'e4d141dce1c3459693dec8b9b45ab1f8',NULL,NULL);
CREATE TABLE binaries (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	organization_row INTEGER NOT NULL, 
	artifact_version_row INTEGER NOT NULL, 
	target VARCHAR(128) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	revision INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	size BIGINT NOT NULL, 
	description VARCHAR(256), 
	custom_metadata TEXT, 
	CONSTRAINT pk_binaries PRIMARY KEY ("row"), 
	CONSTRAINT uq_binaries_organization_row_id UNIQUE (organization_row, id), 
	CONSTRAINT fk_binaries_organization_row FOREIGN KEY(organization_row) REFERENCES organizations ("row"), 
	CONSTRAINT fk_binaries_artifact_version_row FOREIGN KEY(artifact_version_row) REFERENCES artifact_versions ("row")
);
INSERT INTO "binaries" VALUES(1,'858942e04bb94426bdd0677bd02c338b',1795601312932980,1795601313188905,1,1,'aarch64-unknown-linux','signed',0,'403ccc806332775b59558608031ce2656bfee95b32229bdd9aed5aab433af55b',14,NULL,'{"peridiod":{"installer":"file"},"signkit":{"payloadType":"application/vnd.in-toto+json","payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJuYW1lIjoibW9kZWwuYmluIiwiZGlnZXN0Ijp7InNoYTI1NiI6IjQwM2NjYzgwNjMzMjc3NWI1OTU1ODYwODAzMWNlMjY1NmJmZWU5NWIzMjIyOWJkZDlhZWQ1YWFiNDMzYWY1NWIifX1dLCJwcmVkaWNhdGVUeXBlIjoidXJuOnNpZ25raXQ6cmVsZWFzZTp2MSIsInByZWRpY2F0ZSI6eyJhcnRpZmFjdCI6Ik1MLU1vZGVsIiwidmVyc2lvbiI6IjEuMC4wIiwidGFyZ2V0IjoiYWFyY2g2NC11bmtub3duLWxpbnV4Iiwic2l6ZSI6MTQsInNlcXVlbmNlIjoxLCJpc3N1ZWQiOiIyMDI2LTAxLTMxVDEyOjAwOjAwWiIsImV4cGlyZXMiOm51bGwsImN1c3RvbV9tZXRhZGF0YSI6eyJzaGEyNTYiOiI0YzJiYzg4YzA5MTJkMWFmNGRiYzFhNzFjYzllYWQyYzE0NzY2YmQ0ZWJmMWY4NTlkOTI5YThlMTQ3MjFkM2MwIn19fQ==","signatures":[{"keyid":"6c8f8607dbe87077a62a2990ce07d94aaf749df76f87b98eb786a6d10f030765","sig":"91QrYihB09ZeXlGozz/ul/3bNBkLfiAFCjpdGzQVkSICMduEg8Tvd+0Rstzqwki+q2C8jOOMZU8y3LZCNV2eAQ=="}]}}');
INSERT INTO "binaries" VALUES(2,'161849abb5294bc2aae4f1d6c3d162fe',1795601313236492,1795601313236492,1,2,'half','uploadable',0,'8b4756ee8369020609b69fad9fc7e13db5500dbfd410b70e50a4d2a03e37c7bc',23,NULL,NULL);
INSERT INTO "binaries" VALUES(3,'1ef8c03463b34981a1f16ac21fcc8b83',1795601313424955,1795601313465752,1,3,'signable','signable',0,'d80aed169d5f6fb3c14b9de0ba7f7c07cc5c60140b7da0be42360bef0a961a9e',14,NULL,NULL);
INSERT INTO "binaries" VALUES(4,'c32997c772344bb5856cad729d4f9036',1795601313487169,1795601313647477,1,4,'destroyed','destroyed',0,'9cff331d66997b557344e1a7cf1a6ddffc9690e18fd90faa2aefbb203f0e7cd9',9,NULL,NULL);
CREATE TABLE binary_parts (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	binary_row INTEGER NOT NULL, 
	"index" INTEGER NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	size BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_binary_parts PRIMARY KEY ("row"), 
	CONSTRAINT uq_binary_parts_binary_row_index UNIQUE (binary_row, "index"), 
	CONSTRAINT fk_binary_parts_binary_row FOREIGN KEY(binary_row) REFERENCES binaries ("row") ON DELETE CASCADE
);
INSERT INTO "binary_parts" VALUES(1,'10077b6025f04c6aaea4568d55659ef4',1795601312988668,1795601313048845,1,1,'185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969',5,'valid');
INSERT INTO "binary_parts" VALUES(2,'24558ba069744d15b8f7d0a78cda9761',1795601312993081,1795601313045598,1,2,'404e292e4f451689c46a58ff0c58683b70f96b6447b78c7a4f19a3b55de52a48',5,'valid');
INSERT INTO "binary_parts" VALUES(3,'a02ebb052cea426d88ff31665fc25093',1795601313074509,1795601313096819,1,3,'5364b4861b1dd4420c75e572f6a56c8f34fe1211c92e2835c5d7cf007fce1e47',4,'valid');
INSERT INTO "binary_parts" VALUES(4,'019b7705485b4620903757b8803e3236',1795601313241875,1795601313389182,2,1,'d326cb7d0df41aef904563ee34cce17706d6fd47cc278b78ecfd56f643962451',12,'valid');
INSERT INTO "binary_parts" VALUES(5,'56203f84f2cd4b6294a74bf7ae79e0ea',1795601313406863,1795601313406863,2,2,'3ef86a9f6551fa4ee453e457708fbb5d2dcd2841daeee450133b4cb3ac8fabb5',11,'uploadable');
INSERT INTO "binary_parts" VALUES(6,'6b0a1a628eef42339ba15ea0a5af222d',1795601313429157,1795601313441815,3,1,'d80aed169d5f6fb3c14b9de0ba7f7c07cc5c60140b7da0be42360bef0a961a9e',14,'valid');
CREATE TABLE binary_signatures (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	organization_row INTEGER NOT NULL, 
	binary_row INTEGER NOT NULL, 
	signing_key_row INTEGER NOT NULL, 
	signature VARCHAR(128) NOT NULL, 
	CONSTRAINT pk_binary_signatures PRIMARY KEY ("row"), 
	CONSTRAINT uq_binary_signatures_binary_row_signing_key_row UNIQUE (binary_row, signing_key_row), 
	CONSTRAINT uq_binary_signatures_organization_row_id UNIQUE (organization_row, id), 
	CONSTRAINT fk_binary_signatures_organization_row FOREIGN KEY(organization_row) REFERENCES organizations ("row"), 
	CONSTRAINT fk_binary_signatures_binary_row FOREIGN KEY(binary_row) REFERENCES binaries ("row") ON DELETE CASCADE, 
	CONSTRAINT fk_binary_signatures_signing_key_row FOREIGN KEY(signing_key_row) REFERENCES signing_keys ("row")
);
INSERT INTO "binary_signatures" VALUES(1,'7c17cfa53d2e41c8afa06d346abd2497',1795601313188753,1795601313188753,1,1,1,'028168CFAC92CD42B6AE304B2DFFB9E403260DC444A7F9127B12E067E5C58F085D516F430DC20E8397808D8F6155E7CD0EB7DF3234C39C5B072032252CC19302');
INSERT INTO "binary_signatures" VALUES(2,'8e5b5a9ab6d54dae9e8bef6f8d2d7e25',1795601313615444,1795601313615444,1,4,1,'C7799A97A61AC32DA79801D6BFC5F200270DE7FE01DFF08F395EED9A6E1931C6154F698B8C1035D86FD2FA8CB93E48C174B367352CC7B2E1642DD7F8E3F0930B');
CREATE TABLE organizations (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	CONSTRAINT pk_organizations PRIMARY KEY ("row"), 
	CONSTRAINT uq_organizations_id UNIQUE (id)
);
INSERT INTO "organizations" VALUES(1,'7c51dca1bf914e3281a177ddb288660a',1795601310575004,1795601310575004,'default');
CREATE TABLE signing_keys (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	organization_row INTEGER NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	value VARCHAR(128) NOT NULL, 
	keyid VARCHAR(64) NOT NULL, 
	keyid_short VARCHAR(64) NOT NULL, 
	keyid_tuf VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_signing_keys PRIMARY KEY ("row"), 
	CONSTRAINT uq_signing_keys_organization_row_keyid UNIQUE (organization_row, keyid), 
	CONSTRAINT uq_signing_keys_organization_row_id UNIQUE (organization_row, id), 
	CONSTRAINT fk_signing_keys_organization_row FOREIGN KEY(organization_row) REFERENCES organizations ("row")
);
INSERT INTO "signing_keys" VALUES(1,'2624d72a2ade4e90b839abd9744491bb',1795601313163489,1795601313163489,1,'prod','F8t5+ytBIPKx7GXkGY1uCLKOgT/rAeSkAIObheGAgM4=','6c8f8607dbe87077a62a2990ce07d94aaf749df76f87b98eb786a6d10f030765','sha256-6c8f8607dbe87077','6e20151de767fc586ece5c4c667801396eb6ec68a0485bcd4c810b1c637b7c1d');
CREATE TABLE tokens (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	user_row INTEGER NOT NULL, 
	name VARCHAR(128) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	revoked_at BIGINT, 
	CONSTRAINT pk_tokens PRIMARY KEY ("row"), 
	CONSTRAINT uq_tokens_name UNIQUE (name), 
	CONSTRAINT uq_tokens_hash UNIQUE (hash), 
	CONSTRAINT fk_tokens_user_row FOREIGN KEY(user_row) REFERENCES users ("row")
);
INSERT INTO "tokens" VALUES(1,'fd4e5079c5254ee7bd00ffa590a423e4',1795601310585467,1795601310585467,1,'test 5103','2ffee443ab0a6edf3b8c0bb838cb4592cd07c69d6b0428f28e98714689e4d420',NULL);
INSERT INTO "tokens" VALUES(2,'52c90a3d77cc44dab83547231c2386d0',1795601314780396,1795601314780396,1,'revoked','7c7997a137e817def98ae8db827f6549a646411202641ab8f62dcb971eb319f0',1795601315964108);
CREATE TABLE users (
	"row" INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	inserted_at BIGINT NOT NULL, 
	updated_at BIGINT NOT NULL, 
	organization_row INTEGER NOT NULL, 
	username VARCHAR(128) NOT NULL, 
	email VARCHAR(256) NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY ("row"), 
	CONSTRAINT uq_users_id UNIQUE (id), 
	CONSTRAINT uq_users_username UNIQUE (username), 
	CONSTRAINT fk_users_organization_row FOREIGN KEY(organization_row) REFERENCES organizations ("row")
);
INSERT INTO "users" VALUES(1,'1de1df1303b34830bbbb50d5f63cb85a',1795601310576315,1795601310576315,1,'operator','operator@localhost');
CREATE INDEX ix_artifacts_organization_row_inserted_at_id ON artifacts (organization_row, inserted_at, id);
CREATE INDEX ix_artifact_versions_organization_row_inserted_at_id ON artifact_versions (organization_row, inserted_at, id);
CREATE INDEX ix_signing_keys_organization_row_inserted_at_id ON signing_keys (organization_row, inserted_at, id);
CREATE INDEX ix_binaries_organization_row_inserted_at_id ON binaries (organization_row, inserted_at, id);
CREATE INDEX ix_binaries_state ON binaries (state);
CREATE UNIQUE INDEX uq_binaries_living ON binaries (artifact_version_row, target) WHERE state != 'destroyed';
CREATE INDEX ix_binary_signatures_organization_row_inserted_at_id ON binary_signatures (organization_row, inserted_at, id);
CREATE INDEX ix_binary_signatures_signing_key_row ON binary_signatures (signing_key_row);
COMMIT;
