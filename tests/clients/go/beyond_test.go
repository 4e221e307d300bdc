// What the client's own tests do not ask: many at once, repeats, large events, discovery, a server that dies.
package esdb_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const callLimit = 30 * time.Second

func TestBeyond(t *testing.T) {
	client := CreateClient("esdb://"+os.Getenv("EVENT_STORE")+"?tls=false", t)
	defer client.Close()
	t.Run("two hundred appends at once are all answered", manyAtOnce(client))
	t.Run("a repeated append succeeds and writes nothing", repeated(client))
	t.Run("a wrong revision is told as such", wrongRevision(client))
	t.Run("an append that is followed by another keeps its order", inOrder(client))
	t.Run("a large event comes back whole, one too large is refused", large(client))
	t.Run("all is read backwards, and by a filter", readAll(client))
	t.Run("a client discovers the server", discovered)
	t.Run("what was acknowledged is there after a kill, and the client goes on", killed)
}

func happened(data []byte) esdb.EventData {
	return esdb.EventData{
		EventID: uuid.New(), EventType: "Happened", ContentType: esdb.ContentTypeJson, Data: data,
	}
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	t.Cleanup(cancel)
	return ctx
}

func idsOf(t *testing.T, client *esdb.Client, stream string) []uuid.UUID {
	t.Helper()
	read, err := client.ReadStream(limited(t), stream, esdb.ReadStreamOptions{}, math.MaxInt64)
	require.NoError(t, err)
	defer read.Close()
	ids := []uuid.UUID{}
	for {
		event, err := read.Recv()
		if errors.Is(err, io.EOF) {
			return ids
		}
		require.NoError(t, err)
		ids = append(ids, event.Event.EventID)
	}
}

func manyAtOnce(client *esdb.Client) TestCall {
	return func(t *testing.T) {
		stream, ctx := uuid.NewString(), limited(t)
		written := make([]uuid.UUID, 200)
		failures := make(chan error, len(written))
		var all sync.WaitGroup
		for at := range written {
			all.Add(1)
			go func(at int) {
				defer all.Done()
				event := happened([]byte("{}"))
				written[at] = event.EventID
				_, err := client.AppendToStream(ctx, stream, esdb.AppendToStreamOptions{}, event)
				failures <- err
			}(at)
		}
		all.Wait()
		for range written {
			require.NoError(t, <-failures)
		}
		require.ElementsMatch(t, written, idsOf(t, client, stream))
	}
}

func repeated(client *esdb.Client) TestCall {
	return func(t *testing.T) {
		for _, expected := range []esdb.ExpectedRevision{esdb.NoStream{}, esdb.Any{}} {
			stream, event := uuid.NewString(), happened([]byte("{}"))
			options := esdb.AppendToStreamOptions{ExpectedRevision: expected}
			first, err := client.AppendToStream(limited(t), stream, options, event)
			require.NoError(t, err)
			second, err := client.AppendToStream(limited(t), stream, options, event)
			require.NoError(t, err)
			require.Equal(t, first.NextExpectedVersion, second.NextExpectedVersion)
			require.Equal(t, []uuid.UUID{event.EventID}, idsOf(t, client, stream))
		}
	}
}

func wrongRevision(client *esdb.Client) TestCall {
	return func(t *testing.T) {
		stream := uuid.NewString()
		_, err := client.AppendToStream(
			limited(t), stream, esdb.AppendToStreamOptions{}, happened([]byte("{}")))
		require.NoError(t, err)
		for _, expected := range []esdb.ExpectedRevision{esdb.NoStream{}, esdb.Revision(7)} {
			_, err := client.AppendToStream(limited(t), stream,
				esdb.AppendToStreamOptions{ExpectedRevision: expected}, happened([]byte("{}")))
			told, ok := esdb.FromError(err)
			require.False(t, ok)
			require.Equal(t, esdb.ErrorCodeWrongExpectedVersion, told.Code())
			// For these the client has no code: its user reads the text.
			_, deleted := client.DeleteStream(limited(t), stream,
				esdb.DeleteStreamOptions{ExpectedRevision: expected})
			_, ended := client.TombstoneStream(limited(t), stream,
				esdb.TombstoneStreamOptions{ExpectedRevision: expected})
			for _, err := range []error{deleted, ended} {
				require.ErrorContains(t, err, "WrongExpectedVersion. Stream: "+stream)
				require.ErrorContains(t, err, "Actual version: 0")
			}
		}
	}
}

func inOrder(client *esdb.Client) TestCall {
	return func(t *testing.T) {
		stream, written := uuid.NewString(), []uuid.UUID{}
		for at := 0; at < 20; at++ {
			options := esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}
			if at > 0 {
				options.ExpectedRevision = esdb.Revision(uint64(2*at - 1))
			}
			pair := []esdb.EventData{happened([]byte("{}")), happened([]byte("{}"))}
			_, err := client.AppendToStream(limited(t), stream, options, pair...)
			require.NoError(t, err)
			written = append(written, pair[0].EventID, pair[1].EventID)
		}
		require.Equal(t, written, idsOf(t, client, stream))
	}
}

func large(client *esdb.Client) TestCall {
	return func(t *testing.T) {
		stream, data := uuid.NewString(), bytes.Repeat([]byte("x"), 1_000_000)
		_, err := client.AppendToStream(
			limited(t), stream, esdb.AppendToStreamOptions{}, happened(data))
		require.NoError(t, err)
		_, err = client.AppendToStream(
			limited(t), stream, esdb.AppendToStreamOptions{}, happened(append(data, data...)))
		require.Error(t, err)
		read, err := client.ReadStream(limited(t), stream, esdb.ReadStreamOptions{}, 10)
		require.NoError(t, err)
		defer read.Close()
		event, err := read.Recv()
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, event.Event.Data))
		_, err = read.Recv()
		require.ErrorIs(t, err, io.EOF)
	}
}

func readAll(client *esdb.Client) TestCall {
	return func(t *testing.T) {
		stream, event := uuid.NewString(), happened([]byte("{}"))
		event.EventType = "Kind" + uuid.NewString()
		_, err := client.AppendToStream(
			limited(t), stream, esdb.AppendToStreamOptions{}, event, happened([]byte("{}")))
		require.NoError(t, err)
		last, err := client.ReadAll(limited(t),
			esdb.ReadAllOptions{Direction: esdb.Backwards, From: esdb.End{}}, 2)
		require.NoError(t, err)
		defer last.Close()
		_, err = last.Recv()
		require.NoError(t, err)
		got, err := last.Recv()
		require.NoError(t, err)
		require.Equal(t, event.EventID, got.Event.EventID)
		followed, err := client.SubscribeToAll(limited(t), esdb.SubscribeToAllOptions{
			From:   esdb.Start{},
			Filter: &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: "^" + event.EventType + "$"},
		})
		require.NoError(t, err)
		defer followed.Close()
		for {
			next := followed.Recv()
			require.Nil(t, next.SubscriptionDropped)
			if next.EventAppeared != nil {
				require.Equal(t, event.EventID, next.EventAppeared.Event.EventID)
				return
			}
		}
	}
}

func discovered(t *testing.T) {
	for _, address := range []string{
		"esdb+discover://%s?tls=false",
		"esdb://127.0.0.1:1,%s?tls=false&discoveryInterval=10",
	} {
		client := CreateClient(fmt.Sprintf(address, os.Getenv("EVENT_STORE")), t)
		_, err := client.AppendToStream(limited(t), uuid.NewString(),
			esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, happened([]byte("{}")))
		require.NoError(t, err)
		require.NoError(t, client.Close())
	}
}

func killed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	port, kill := startServer(t, folder, 0)
	address := fmt.Sprintf("esdb://127.0.0.1:%d?tls=false", port)
	client := CreateClient(address, t)
	defer client.Close()
	stream, before, after := uuid.NewString(), happened([]byte("{}")), happened([]byte("{}"))
	_, err := client.AppendToStream(limited(t), stream, esdb.AppendToStreamOptions{}, before)
	require.NoError(t, err)
	kill()
	_, kill = startServer(t, folder, port)
	defer kill()
	options := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Revision(0)}
	// Of the connection that is dead the client knows from its first call.
	require.Eventually(t, func() bool {
		_, err := client.AppendToStream(limited(t), stream, options, after)
		return err == nil
	}, callLimit, 100*time.Millisecond)
	require.Equal(t, []uuid.UUID{before.EventID, after.EventID}, idsOf(t, client, stream))
}

// Its end of standard input goes with this process, and the server with it.
func startServer(t *testing.T, folder string, port int) (int, func()) {
	t.Helper()
	var command []string
	require.NoError(t, json.Unmarshal([]byte(os.Getenv("EVENT_STORE_COMMAND")), &command))
	more := []string{"--data-dir", folder, "--port", fmt.Sprint(port), "--parent-pipe"}
	server := exec.Command(command[0], append(command[1:], more...)...)
	_, err := server.StdinPipe()
	require.NoError(t, err)
	output, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	late := time.AfterFunc(time.Minute, func() { _ = server.Process.Kill() })
	line, err := bufio.NewReader(output).ReadBytes('\n')
	late.Stop()
	require.NoError(t, err)
	var listening struct{ Port int }
	require.NoError(t, json.Unmarshal(line, &listening))
	return listening.Port, func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}
}
