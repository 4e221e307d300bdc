// Stands for the client's file of this name, which starts containers: here the server is there already.
package esdb_test

import (
	"os"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/goombaio/namegenerator"
)

var NAME_GENERATOR = namegenerator.NewNameGenerator(0)

type Container struct {
	Endpoint string
}

func (*Container) Close() {}

func GetEnvOrDefault(key, defaultValue string) string {
	if value, exists := os.LookupEnv(key); exists {
		return value
	}
	return defaultValue
}

func IsESDBVersion20() bool { return false }

func GetClient(t *testing.T, container *Container) *esdb.Client {
	return CreateClient("esdb://"+container.Endpoint+"?tls=false", t)
}

func CreateEmptyDatabase(t *testing.T) (*Container, *esdb.Client) {
	container := &Container{Endpoint: os.Getenv("EVENT_STORE")}
	return container, GetClient(t, container)
}

// The client's tests skip themselves where it is not there.
func CreatePopulatedDatabase(t *testing.T) (*Container, *esdb.Client) { return nil, nil }

func WaitForAdminToBeAvailable(t *testing.T, db *esdb.Client) {}

func CreateClient(connStr string, t *testing.T) *esdb.Client {
	t.Helper()
	config, err := esdb.ParseConnectionString(connStr)
	if err != nil {
		t.Fatal(err)
	}
	client, err := esdb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
