//! What filters of connections and datagrams do, by their types.

/// Those that lead connections, datagrams or messages to clusters that they name, or that their
/// routes do.
pub(super) const FORWARDING: [&str; 12] = [
    "envoy.extensions.filters.network.dubbo_proxy.v3.DubboProxy",
    "envoy.extensions.filters.network.generic_proxy.v3.GenericProxy",
    "envoy.extensions.filters.network.kafka_mesh.v3alpha.KafkaMesh",
    "envoy.extensions.filters.network.redis_proxy.v3.RedisProxy",
    "envoy.extensions.filters.network.rocketmq_proxy.v3.RocketmqProxy",
    "envoy.extensions.filters.network.sip_proxy.v3alpha.SipProxy",
    "envoy.extensions.filters.network.sni_cluster.v3.SniCluster",
    "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    "envoy.extensions.filters.network.thrift_proxy.v3.ThriftProxy",
    "envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig",
    "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig",
];

/// Those that do what a program says.
pub(super) const PROGRAMS: [&str; 6] = [
    "envoy.extensions.filters.listener.dynamic_modules.v3.DynamicModuleListenerFilter",
    "envoy.extensions.filters.network.dynamic_modules.v3.DynamicModuleNetworkFilter",
    "envoy.extensions.filters.network.ext_proc.v3.NetworkExternalProcessor",
    "envoy.extensions.filters.network.golang.v3alpha.Config",
    "envoy.extensions.filters.network.wasm.v3.Wasm",
    "envoy.extensions.filters.udp.dynamic_modules.v3.DynamicModuleUdpListenerFilter",
];

/// Those that lead nothing anywhere: they look, count, end connections or answer by themselves.
const STAYING: [&str; 21] = [
    "envoy.extensions.filters.network.client_ssl_auth.v3.ClientSSLAuth",
    "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit",
    "envoy.extensions.filters.network.direct_response.v3.Config",
    "envoy.extensions.filters.network.echo.v3.Echo",
    "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
    "envoy.extensions.filters.network.geoip.v3.Geoip",
    "envoy.extensions.filters.network.kafka_broker.v3.KafkaBroker",
    "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
    "envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy",
    "envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy",
    "envoy.extensions.filters.network.postgres_proxy.v3alpha.PostgresProxy",
    "envoy.extensions.filters.network.ratelimit.v3.RateLimit",
    "envoy.extensions.filters.network.rbac.v3.RBAC",
    "envoy.extensions.filters.network.reverse_tunnel.v3.ReverseTunnel",
    "envoy.extensions.filters.network.set_filter_state.v3.Config",
    "envoy.extensions.filters.network.tcp_bandwidth_limit.v3.TcpBandwidthLimit",
    "envoy.extensions.filters.network.zookeeper_proxy.v3.ZooKeeperProxy",
    // Istio's.
    "envoy.extensions.network_filters.peer_metadata.Config",
    "envoy.tcp.metadataexchange.config.MetadataExchange",
    "io.istio.network.authn.Config",
    "stats.PluginConfig",
];

/// Whether it is known what filters of a type do.
pub(super) fn is_known(kind: &str) -> bool {
    FORWARDING.contains(&kind) || PROGRAMS.contains(&kind) || STAYING.contains(&kind)
}
