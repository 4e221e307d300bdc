import features from '@eventstore/db-client/generated/serverfeatures_pb.js'
import type shared from '@eventstore/db-client/generated/shared_pb.js'
import type { handleUnaryCall } from '@grpc/grpc-js'

const STREAMS = 'event_store.client.streams.streams'
const METHODS = ['read', 'append', 'batchappend', 'delete', 'tombstone']

/** The EventStoreDB version whose behaviour this server follows. */
const COMPATIBLE_VERSION = '23.10.6'

/** GetSupportedMethods: exactly what is implemented here. */
export function serveSupportedMethods(): handleUnaryCall<shared.Empty, features.SupportedMethods> {
  const response = new features.SupportedMethods()
    .setEventStoreServerVersion(COMPATIBLE_VERSION)
    .setMethodsList(
      METHODS.map((name) =>
        new features.SupportedMethod().setServiceName(STREAMS).setMethodName(name),
      ),
    )
  return (_call, answer) => answer(null, response)
}
