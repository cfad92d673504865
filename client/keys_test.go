package client_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	firn "github.com/firnlog/firn"
	"github.com/firnlog/firn/client"
	"github.com/firnlog/firn/internal/server"
)

func TestKeys(t *testing.T) {
	log, err := firn.Open(t.TempDir(), firn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	srv := server.New(log, server.Options{Logger: slog.New(slog.DiscardHandler)})
	machine, web := httptest.NewServer(srv.OwnerHandler()), httptest.NewServer(srv.Handler())
	defer machine.Close()
	defer web.Close()
	ctx := t.Context()
	owner := connect(t, machine.URL, client.Options{})
	if _, err := owner.CreateInstance(ctx, client.NewInstance{Name: "shop"}); err != nil {
		t.Fatal(err)
	}
	admin, secret, err := owner.CreateKey(ctx, client.NewKey{Name: "admin", Permissions: []string{"keys:manage", "events:read"}})
	if err != nil || !strings.HasPrefix(secret, admin.Prefix) || admin.Instances != nil {
		t.Fatalf("%+v, %v", admin, err)
	}
	c := connect(t, web.URL, client.Options{Key: secret})
	soon := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	made, other, err := c.CreateKey(ctx, client.NewKey{Name: "reader", Permissions: []string{"events:read"}, Instances: []string{"shop"}, ExpiresAt: &soon})
	if err != nil || !made.ExpiresAt.Equal(soon) || len(made.Instances) != 1 || other == secret {
		t.Fatalf("%+v, %v", made, err)
	}
	var answered *client.Error
	if _, _, err := c.CreateKey(ctx, client.NewKey{Name: "x", Permissions: []string{"events:purge"}}); !errors.As(err, &answered) || answered.Code != "permission_denied" {
		t.Errorf("granting what one lacks: %v", err)
	}
	if err := c.RevokeKey(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	keys, err := c.Keys(ctx)
	if err != nil || len(keys) != 2 || keys[0].ID != made.ID || keys[0].RevokedAt == nil || keys[1].LastUsedAt == nil {
		t.Errorf("%+v, %v", keys, err)
	}
	if _, err := connect(t, web.URL, client.Options{Key: other}).Instances(ctx); !errors.As(err, &answered) || answered.Code != "unauthorized" {
		t.Errorf("a revoked key: %v", err)
	}
}
