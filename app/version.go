package app

import (
	"context"
	"encoding/json/v2"
	"fmt"
	"time"
)

type versionCommand struct {
	connection
	Output string `short:"o" enum:"text,json" default:"text" placeholder:"FORM" help:"text or json (default: text)."`
}

// Run prints the version of this build, and of the server if one answers.
func (c *versionCommand) Run(env *environment) error {
	if c.Output == "json" {
		b, err := json.Marshal(env.version)
		if err != nil {
			return err
		}
		return env.printJSON(b)
	}
	fmt.Fprintln(env.out, env.version)
	ctx, cancel := context.WithTimeout(env.ctx, time.Second)
	defer cancel()
	if about, err := askVersion(ctx, env, c.connection); err == nil {
		fmt.Fprintf(env.out, "the server at %s runs firn %s\n", c.address(env), escape(about.version))
	}
	return nil
}
