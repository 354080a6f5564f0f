// kube-router's controller of NetworkPolicies alone: its router and its proxy, which the lab does not run, bring BGP and a
// cloud's SDK.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	"github.com/spf13/pflag"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const heartbeats = 10

func main() {
	config := options.NewKubeRouterConfig()
	config.AddFlags(pflag.CommandLine)
	pflag.Parse()
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(stopped, config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run enforces the policies until the context ends.
func run(stopped context.Context, config *options.KubeRouterConfig) error {
	if config.RunRouter || config.RunServiceProxy || config.RunLoadBalancer || !config.RunFirewall {
		return errors.New("this kube-router has its firewall alone: --run-firewall=true --run-router=false --run-service-proxy=false")
	}
	config.MetricsEnabled = false
	settings, err := clientcmd.BuildConfigFromFlags(config.Master, config.Kubeconfig)
	if err != nil {
		return fmt.Errorf("the kubeconfig %q: %w", config.Kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return fmt.Errorf("the client of the cluster: %w", err)
	}

	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(stopped.Done())
	syncing, cancel := context.WithTimeout(stopped, config.CacheSyncTimeout)
	defer cancel()
	if !cache.WaitForCacheSync(syncing.Done(), pods.HasSynced, namespaces.HasSynced, policies.HasSynced) {
		return fmt.Errorf("pods, namespaces and policies were not read within %s", config.CacheSyncTimeout)
	}

	health, err := healthcheck.NewHealthController(config)
	if err != nil {
		return fmt.Errorf("the health check: %w", err)
	}
	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return fmt.Errorf("iptables: %w", err)
	}
	controller, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces, &sync.Mutex{}, tables, sets)
	if err != nil {
		return fmt.Errorf("the controller of policies: %w", err)
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		pods: controller.PodEventHandler, namespaces: controller.NamespaceEventHandler, policies: controller.NetworkPolicyEventHandler,
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("the controller's events: %w", err)
		}
	}

	var running sync.WaitGroup
	beats := make(chan *healthcheck.ControllerHeartbeat, heartbeats)
	health.SetAlive()
	running.Add(3)
	go health.RunServer(stopped.Done(), &running)
	go health.RunCheck(beats, stopped.Done(), &running)
	go controller.Run(beats, stopped.Done(), &running)
	running.Wait()
	return nil
}
