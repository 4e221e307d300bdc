# All images of Storewright with one command, from the root of the repository:
#   REGISTRY=registry.example.com/storewright docker buildx bake --file deploy/docker-bake.hcl --push
# docs/deployment.md says more. A test holds the tags to the charts' appVersion.

variable "REGISTRY" {
  default = "storewright"
}
variable "VERSION" {
  default = "0.1.0"
}
variable "MEDUSA_VERSION" {
  default = "2.21.2"
}
variable "WOOCOMMERCE_VERSION" {
  default = "11.1.2"
}
# The commit, for the images' labels.
variable "REVISION" {
  default = ""
}

group "default" {
  targets = ["services", "provisioner", "medusa", "woocommerce"]
}

target "labelled" {
  labels = {
    "org.opencontainers.image.licenses" = "Apache-2.0"
    "org.opencontainers.image.revision" = REVISION
  }
}

target "services" {
  inherits   = ["labelled"]
  context    = "."
  dockerfile = "deploy/Dockerfile"
  target     = "services"
  tags       = ["${REGISTRY}/services:${VERSION}"]
  labels = {
    "org.opencontainers.image.title"   = "Storewright's services"
    "org.opencontainers.image.version" = VERSION
  }
}

target "provisioner" {
  inherits   = ["labelled"]
  context    = "."
  dockerfile = "deploy/Dockerfile"
  target     = "provisioner"
  tags       = ["${REGISTRY}/provisioner:${VERSION}"]
  labels = {
    "org.opencontainers.image.title"   = "Storewright's provisioner with helm and the store charts"
    "org.opencontainers.image.version" = VERSION
  }
}

target "medusa" {
  inherits = ["labelled"]
  context  = "deploy/images/medusa"
  tags     = ["${REGISTRY}/medusa:${MEDUSA_VERSION}"]
  labels = {
    "org.opencontainers.image.title"   = "A Medusa store"
    "org.opencontainers.image.version" = MEDUSA_VERSION
  }
}

target "woocommerce" {
  inherits = ["labelled"]
  context  = "deploy/images/woocommerce"
  tags     = ["${REGISTRY}/woocommerce:${WOOCOMMERCE_VERSION}"]
  labels = {
    "org.opencontainers.image.title"   = "A WooCommerce store"
    "org.opencontainers.image.version" = WOOCOMMERCE_VERSION
  }
}
