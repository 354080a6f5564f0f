// The lab's language host for Python: the last one that Go's module proxy serves, 3.79, and the call that the engine makes
// of a current one when `pulumi up` is cancelled. Every other call is handed on as it came.
//
// What a current host does at Cancel, by the source of 3.259: one SIGINT to the program, and SIGKILL 5 s later. The engine
// calls it at Ctrl-C, and at the end of every `pulumi up`, where the program of a failed one still runs.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	inner        = "pulumi-language-python-3.79"
	executor     = "pulumi-language-python-exec"
	cancelMethod = "/pulumirpc.LanguageRuntime/Cancel"
	waitDelay    = 5 * time.Second
	lookDelay    = 100 * time.Millisecond
	mostBytes    = 400 << 20 // of a message, as everywhere in Pulumi
)

// frame is a message that nobody here reads.
type frame struct{ bytes []byte }

type frameCodec struct{}

func (frameCodec) Name() string { return "proto" }

func (frameCodec) Marshal(message any) ([]byte, error) { return message.(*frame).bytes, nil }

func (frameCodec) Unmarshal(data []byte, message any) error {
	message.(*frame).bytes = bytes.Clone(data)
	return nil
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("pulumi-language-python: ")
	host, port, err := start(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	if err := serve(host, port); err != nil {
		log.Fatal(err)
	}
	err = host.Wait()
	var ended *exec.ExitError
	if errors.As(err, &ended) && ended.ExitCode() >= 0 {
		os.Exit(ended.ExitCode())
	}
	if err != nil {
		log.Fatal(err)
	}
}

// start runs the host of 3.79, which ends with this process, and returns the port that it names in its first line.
func start(arguments []string) (*exec.Cmd, string, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	host := exec.Command(filepath.Join(filepath.Dir(own), inner), arguments...)
	host.Stdin, host.Stderr = os.Stdin, os.Stderr
	host.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // it ends with the thread that started it
	output, err := host.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := host.Start(); err != nil {
		return nil, "", err
	}
	lines := bufio.NewReader(output)
	line, err := lines.ReadString('\n')
	if err != nil {
		return nil, "", fmt.Errorf("%s named no port: %w", inner, err)
	}
	go io.Copy(os.Stdout, lines)
	return host, strings.TrimSpace(line), nil
}

// serve prints the port of its own and answers on it.
func serve(host *exec.Cmd, port string) error {
	connection, err := grpc.NewClient(
		"127.0.0.1:"+port,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodec(frameCodec{}), grpc.MaxCallRecvMsgSize(mostBytes), grpc.MaxCallSendMsgSize(mostBytes),
		),
	)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.ForceServerCodec(frameCodec{}), grpc.MaxRecvMsgSize(mostBytes), grpc.MaxSendMsgSize(mostBytes),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			method, _ := grpc.MethodFromServerStream(stream)
			if method == cancelMethod {
				return cancel(host.Process.Pid, stream)
			}
			return handOn(connection, method, stream)
		}),
	)
	go func() { log.Fatal(server.Serve(listener)) }()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return nil
}

// handOn makes the same call of the host, message by message in both directions.
func handOn(connection *grpc.ClientConn, method string, from grpc.ServerStream) error {
	given, _ := metadata.FromIncomingContext(from.Context())
	description := &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	to, err := connection.NewStream(metadata.NewOutgoingContext(from.Context(), given), description, method)
	if err != nil {
		return err
	}
	go func() {
		defer to.CloseSend()
		for message := new(frame); from.RecvMsg(message) == nil; {
			if to.SendMsg(message) != nil {
				return
			}
		}
	}()
	for {
		message := new(frame)
		err := to.RecvMsg(message)
		if err != nil {
			from.SetTrailer(to.Trailer())
			if err == io.EOF {
				return nil
			}
			return err
		}
		if err := from.SendMsg(message); err != nil {
			return err
		}
	}
}

// cancel answers at once, as a current host does.
func cancel(host int, stream grpc.ServerStream) error {
	if err := stream.RecvMsg(new(frame)); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	go end(host)
	return stream.SendMsg(new(frame))
}

// end interrupts each program once, one that is only about to begin as well, and kills what is left of them.
func end(host int) {
	interrupted := map[int]bool{}
	for last := time.Now().Add(waitDelay); time.Now().Before(last); time.Sleep(lookDelay) {
		for _, program := range programsOf(host) {
			if !interrupted[program] {
				interrupted[program] = true
				syscall.Kill(program, syscall.SIGINT)
			}
		}
	}
	for _, program := range programsOf(host) {
		syscall.Kill(program, syscall.SIGKILL)
	}
}

// programsOf finds the children of the host that run a Pulumi program.
func programsOf(host int) []int {
	statuses, _ := filepath.Glob("/proc/[0-9]*/stat")
	var programs []int
	for _, file := range statuses {
		process := filepath.Dir(file)
		content, _ := os.ReadFile(file)
		command, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		// After the name, which may hold anything: state, parent.
		_, fields, _ := strings.Cut(string(content[bytes.LastIndexByte(content, ')')+1:]), " ")
		parts := strings.Fields(fields)
		if len(parts) < 2 || parts[1] != strconv.Itoa(host) || !bytes.Contains(command, []byte(executor)) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(process)); err == nil {
			programs = append(programs, child)
		}
	}
	return programs
}
