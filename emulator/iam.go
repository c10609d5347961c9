package emulator

import "time"

// serviceAccount is by its e-mail address.
type serviceAccount struct {
	Project     string    `json:"project"`
	Email       string    `json:"email"`
	UniqueID    string    `json:"unique_id"`
	DisplayName string    `json:"display_name,omitempty"`
	Description string    `json:"description,omitempty"`
	Etag        string    `json:"etag,omitempty"`
	Disabled    bool      `json:"disabled,omitempty"`
	Deleted     bool      `json:"deleted,omitempty"`
	Visible     time.Time `json:"visible"` // when others see it: Config.Propagation after it was made
}

// customRole is a role of a project.
type customRole struct {
	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	Permissions []string  `json:"permissions,omitempty"`
	Stage       string    `json:"stage,omitempty"`
	Etag        string    `json:"etag"`
	Deleted     bool      `json:"deleted,omitempty"`
	DeletedAt   time.Time `json:"deleted_at,omitzero"`
}
