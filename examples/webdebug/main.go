// Command webdebug is a small web application whose requests can be looked at
// in Firn: articles in SQLite, a page for each, an order that sends a mail.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/firnlog/firn/webdebug"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	if err := run(*listen); err != nil {
		slog.Error("the shop is closed", "error", err)
		os.Exit(1)
	}
}

func run(listen string) error {
	// These three lines collect every request and send it to Firn. Without
	// FIRN_SERVER they do nothing.
	debug := webdebug.New(webdebug.Options{Server: os.Getenv("FIRN_SERVER"), Key: os.Getenv("FIRN_API_KEY"), App: "shop"})
	defer func() { _ = debug.Close(context.Background()) }()
	slog.SetDefault(slog.New(webdebug.WrapLog(slog.NewTextHandler(os.Stderr, nil), slog.LevelDebug)))

	shop, err := openShop()
	if err != nil {
		return err
	}
	defer func() { _ = shop.db.Close() }()

	server := &http.Server{Addr: listen, Handler: debug.Handler(shop.handler()), ReadHeaderTimeout: 10 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() {
		drain, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(drain)
	})
	slog.Info("the shop is open", "address", "http://"+listen, "firn", os.Getenv("FIRN_SERVER"))
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
