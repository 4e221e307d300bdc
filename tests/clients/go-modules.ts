import type { GoModule } from './go.ts'

/** Its tests start containers: one file that says where the server is stands for the one that does. */
export const eventStoreGo: GoModule = {
  path: 'github.com/EventStore/EventStore-Client-Go/v4',
  version: 'v4.2.0',
  sum: 'h1:RXKiJ6pGQsWrhZ1BfKwPc1vKh8EOwNSQOXh11whk0Pw=',
  package: 'esdb',
  files: ['containers_test.go', 'beyond_test.go'],
  run: '^(TestStreams|TestBeyond)$',
  // Persistent subscriptions.
  skip: '^TestStreams$/^AuthenticationTests$',
  whySkipped: 'they need users, or a server with a data set of 20 million events',
}

/** Its tests want servers on three ports: with and without TLS it is ours. */
export const kurrentGo: GoModule = {
  path: 'github.com/kurrent-io/KurrentDB-Client-Go',
  version: 'v1.4.2',
  sum: 'h1:NAIU5xP5bsQBfy5EEd20m5NgSNWW+UET3feY3nGBIyU=',
  package: 'test',
  files: [],
  replace: [
    {
      file: 'client_fixture_test.go',
      text: 'fmt.Sprintf("kurrentdb://admin:changeit@localhost:2114?tls=false")',
      by: '"kurrentdb://" + os.Getenv("EVENT_STORE") + "?tls=false"',
    },
    {
      file: 'client_fixture_test.go',
      text: 'fmt.Sprintf("kurrentdb://admin:changeit@localhost:2115?tls=true&tlscafile=%s", tlsCaFile)',
      by: 'fmt.Sprintf("kurrentdb://%s?tls=false%.0s", os.Getenv("EVENT_STORE"), tlsCaFile)',
    },
  ],
  run: '^Test(AppendEvents|MultiAppendEvents|ReadStream|ReadAll|Subscription|Delete|Connection)Suite$',
  // Users.
  skip: '^TestReadStreamSuite$/^TestReadStreamWithCredentialsOverride$',
  whySkipped: 'they need a server of 25.1',
}
