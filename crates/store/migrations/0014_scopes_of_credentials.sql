-- What a credential opens: those that there were open everything. And which one made it; none: an operator, the first start, or it is not
-- known.
ALTER TABLE credentials ADD COLUMN scope TEXT NOT NULL DEFAULT 'full' CHECK (scope IN ('full', 'events', 'read'));
ALTER TABLE credentials ADD COLUMN created_by BLOB REFERENCES credentials (id);
