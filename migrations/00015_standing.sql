-- +goose Up
-- The task at which a run stands, in words. A function, so that whoever reads an onboarding without a run doesn't pay for
-- a plan over its tasks and their policies; the caller's own apply in it.
-- +goose StatementBegin
CREATE FUNCTION standing(of text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		SELECT t.title || ' (' || t.position || ' of ' || (SELECT count(*) FROM tasks n WHERE n.run = of) || ')'
		FROM tasks t
		WHERE t.run = of AND t.state IN ('failed', 'blocked', 'running', 'waiting')
		ORDER BY t.state NOT IN ('failed', 'blocked'), t.position LIMIT 1);
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION standing(text);
