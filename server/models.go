package server

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/config"
)

// listTimeout bounds how long a provider may take to list its models.
const listTimeout = 10 * time.Second

// Inventory is what can be called by a configuration.
type Inventory struct {
	// Routes are the names of the configuration, in its order.
	Routes []Route `json:"routes"`
	// Models are those that providers list, sorted by id.
	Models []ListedModel `json:"models"`
	// Failed are the providers that could not be asked.
	Failed []FailedProvider `json:"failed"`
}

// Route is a name of the configuration and where it goes.
type Route struct {
	Name    string   `json:"name"`
	Targets []string `json:"targets"`
}

// ListedModel is a model that a provider lists.
type ListedModel struct {
	// ID is the name by which it can be called.
	ID       string `json:"id"`
	Provider string `json:"provider"`
	OwnedBy  string `json:"owned_by"`
}

// FailedProvider is a provider that did not list its models.
type FailedProvider struct {
	Provider string `json:"provider"`
	Error    string `json:"error"`
}

// TakeInventory asks all providers of c at once for their models. Those that fail or
// take too long are named as such. The error is a [*config.Error].
func TakeInventory(ctx context.Context, c *config.Config, version string) (*Inventory, error) {
	b := &builder{logger: slog.New(slog.DiscardHandler), version: version}
	p, err := b.build(c)
	if err != nil {
		return nil, err
	}
	defer p.closeProviders() //nolint:errcheck // nothing was written to them
	inventory := &Inventory{Routes: []Route{}, Models: []ListedModel{}, Failed: []FailedProvider{}}
	for _, m := range c.Models {
		r := Route{Name: m.Name}
		for _, t := range m.Targets {
			r.Targets = append(r.Targets, t.Provider+"/"+cmp.Or(t.Model, "*"))
		}
		inventory.Routes = append(inventory.Routes, r)
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var mu sync.Mutex // guards inventory
	var asked sync.WaitGroup
	for _, entry := range c.Providers {
		lister := p.Providers[entry.Name].Models
		if lister == nil {
			continue
		}
		asked.Go(func() {
			answer, err := list(ctx, lister)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				inventory.Failed = append(inventory.Failed, FailedProvider{entry.Name, err.Error()})
				return
			}
			for _, m := range answer.GetData() {
				id := entry.Name + "/" + m.GetId()
				if entry.Name == c.Routing.DefaultProvider {
					id = m.GetId()
				}
				inventory.Models = append(inventory.Models, ListedModel{id, entry.Name, m.GetOwnedBy()})
			}
		})
	}
	asked.Wait()
	slices.SortFunc(inventory.Models, func(a, b ListedModel) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(inventory.Failed, func(a, b FailedProvider) int { return cmp.Compare(a.Provider, b.Provider) })
	return inventory, nil
}

// list asks one provider. A panic of its adapter is an error of its own, by the type
// alone: its value may hold anything.
func list(ctx context.Context, lister adapters.Lister) (answer *sluicev1.ListModelsResponse, err error) {
	defer func() {
		if value := recover(); value != nil {
			answer, err = nil, fmt.Errorf("the adapter panicked with a value of type %T", value)
		}
	}()
	return lister.List(ctx, &adapters.Call{})
}
