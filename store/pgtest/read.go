package pgtest

import (
	"context"
	"slices"

	"groundwork/onboarding"
	"groundwork/store"
)

// Audit reads an onboarding's whole history, oldest first, as a download does.
func Audit(ctx context.Context, s *store.Store, actor onboarding.Actor, id onboarding.ID) ([]onboarding.AuditEntry, error) {
	var entries []onboarding.AuditEntry
	err := s.EachLine(ctx, actor, id, func(e onboarding.AuditEntry) error {
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// Invites reads the latest page of an onboarding's invites, oldest first.
func Invites(ctx context.Context, s *store.Store, actor onboarding.Actor, id onboarding.ID) ([]onboarding.Invite, error) {
	page, err := s.Invites(ctx, actor, id, onboarding.LinesAt{})
	slices.Reverse(page.Items)
	return page.Items, err
}

// Notes reads the latest page of the remarks about an onboarding, oldest first.
func Notes(ctx context.Context, s *store.Store, actor onboarding.Actor, id onboarding.ID) ([]onboarding.AuditEntry, error) {
	page, err := s.Timeline(ctx, actor, id, onboarding.TimelineNotes, onboarding.LinesAt{})
	slices.Reverse(page.Items)
	return page.Items, err
}

// WriteAudit writes a whole history to a file.
func WriteAudit(file onboarding.AuditWriter, entries []onboarding.AuditEntry) error {
	for _, e := range entries {
		if err := file.Write(e); err != nil {
			return err
		}
	}
	return file.Close()
}
