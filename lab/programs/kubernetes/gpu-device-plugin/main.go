// A device plugin for GPUs that do not exist: it offers N devices to the kubelet, which then allocates them for real.
// Each container that is granted devices sees their ids in NVIDIA_VISIBLE_DEVICES, as with NVIDIA's own plugin.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
	plugin "k8s.io/kubernetes/pkg/kubelet/cm/devicemanager/plugin/v1beta1"
)

const kubeletDeadline = 60 * time.Second

func main() {
	count := flag.Int("count", 4, "number of simulated devices")
	resource := flag.String("resource", "nvidia.com/gpu", "extended resource that the node offers")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	var devices []*pluginapi.Device
	for i := range *count {
		devices = append(devices, &pluginapi.Device{ID: fmt.Sprintf("GPU-simulated-%d", i), Health: pluginapi.Healthy})
	}
	socket := filepath.Join(pluginapi.DevicePluginPath, "gpu-runners-lab.sock")
	stub := plugin.NewDevicePluginStub(klog.Background(), devices, socket, *resource, false, false)
	stub.SetAllocFunc(allocate)
	if err := waitForKubelet(ctx); err != nil {
		fail(err)
	}
	if err := stub.Start(ctx); err != nil {
		fail(err)
	}
	if err := stub.Register(ctx, pluginapi.KubeletSocket, *resource, ""); err != nil {
		fail(err)
	}
	// Registers again whenever the kubelet restarts and creates its socket anew.
	go stub.Watch(ctx, pluginapi.KubeletSocket, *resource, "")
	<-ctx.Done()
	_ = stub.Stop(klog.Background())
}

func allocate(request *pluginapi.AllocateRequest, _ map[string]*pluginapi.Device) (*pluginapi.AllocateResponse, error) {
	response := &pluginapi.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		response.ContainerResponses = append(response.ContainerResponses, &pluginapi.ContainerAllocateResponse{
			Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")},
		})
	}
	return response, nil
}

// waitForKubelet waits for the socket that plugins register at: the kubelet makes it some time after it starts.
func waitForKubelet(ctx context.Context) error {
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, kubeletDeadline, true, func(context.Context) (bool, error) {
		_, err := os.Stat(pluginapi.KubeletSocket)
		return err == nil, nil
	})
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "gpu-device-plugin:", err)
	os.Exit(1)
}
