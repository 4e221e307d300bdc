/** Where the read models that are shown live. */
export const LIVE = 'public'

/** Where they are built again. */
export const REBUILT = 'read_models_rebuilt'
