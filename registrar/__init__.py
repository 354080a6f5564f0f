"""The registrar: turns a pod's identity into one single-use runner registration and watches what becomes of it.

It never runs job code and knows nothing of Pulumi: of this repository it imports `values` alone.

Values and pure functions
  settings            config.json, parsed strictly: the forge, the grants, the deadlines
  untrusted           the one bounded parser for what others write: annotations, headers, claims, a forge's answers
  identity            PodIdentity: who asks, read out of a pod's verified token
  pods                RunnerPod: a runner's pod as frozen values
  reading             a Kubernetes Pod, read into a RunnerPod
  unread              Unread: an object as the API server gave it, to be read by itself
  forge_view          ForgeView: what one scope of the forge looked like in one cycle
  situation           ages held against deadlines: the state of a pod and of its runner
  decisions           what to do about one pod and its runner; the only place where that is decided
  job_identity        whether a job may act as an account: repository, workflow, ref and event against the grant
  ownership           which runner is whose: what a pod claims counts where the forge agrees
  strangers           which runners without a pod stand in the place of our pools'
  losses              Loss: a job that is lost with its runner, and what is said of it
  outcomes            what an ended runner amounts to
  brake               the back-off of a pool whose runners end at once
  queue               jobs that wait and run, per pool
  demand              how many runners a pool is to have: for its jobs, and those that came a moment ago
  reservations        whose runner gets the next free devices, where a job that came first needs more than is left
  unserved            jobs that wait and that no pool can take, with the cure
  declared_pool       DeclaredPool: a pool as its Deployment declares it; Devices: what a runner asks of a node
  tolerations         Toleration: a taint that a pool's runners tolerate
  places              Places: on which nodes runners have been, and so whose may come there

Cluster and forge, read and written
  cluster             Cluster: the few requests that the registrar's Role allows
  readable_answers    ReadableAnswers: the API server's answers without what its client cannot read
  issuer_keys         IssuerKeys: the cluster's public keys, kept for a while
  following           one kind of object in one namespace, by list and watch, for ever
  beginnings          when a pod's stage began, by our own clock
  pod_store           PodStore: the runner pods of the granted namespaces
  declared_pools      DeclaredPools: the pools of the granted namespaces, by their Deployments
  forges/             the forges behind one seam
  forge_watch         ForgeWatch: one scope's runners, looked at as seldom as possible
  jobs_in_progress    JobsInProgress: who works in one scope, read once for all who want to know
  job_watch           JobWatch: one scope's jobs, read while somebody asks for them

The loop
  loop                Loop: for each scope look and act, then wait for a change
  scope_cycle         ScopeCycle: one scope's cycle
  results             Results: what became of the jobs of ended runners, looked up beside the cycles
  departures          Departures: pods that are gone before anybody knew what became of their jobs
  lost_jobs           LostJobs: tells at the forge why a job is lost, and runs it again once
  accounting          Accounting: what runners cost and how long jobs waited, as metrics
  pool_series         PoolSeries: what is counted for each pool, forgotten a while after the pool
  treatments          Treatments: one thing at a time for each pod, beside the cycles
  actions             Actor: carries out what was decided
  ghosts              Ghosts: runners of ours whose pods are gone
  owners              Owners: the Deployments by whose names runners of ours go
  brakes              Brakes: the brakes of all pools, shared by the loop and the registrations
  announcer           Announcer: one log line and one Kubernetes Event for each thing, once

The server
  __main__            python -m registrar: settings, service, and its end
  service             Service: everything put together, once
  listener            Listener: TLS connections within bounds
  server              Door: registrations for pods; StatusDoor: the rest, on a port of its own
  autoscaler_door     AutoscalerDoor: one pool's jobs, for the autoscaler of its namespace, on a port of its own
  answering           how every door says no
  turns               Turns: who may ask the forge for a registration next
  requests            what every request of a pod has to pass
  credentials         Credentials: a pod's identity for a short-lived token, while its job is one that may have it
  registrations       Registrations: a pod's identity for one single-use registration, or why not
  shared              Shared: one question to the forge for all who ask it at the same time
  job_list            JobList: answers `/jobs`: each job that waits or works, and the pools that could take it
  queue_reader        QueueReader: answers `/queue` and `/unserved`, and whose turn it is
  removals            Removals: removes a runner that somebody registered by hand, when a repair asks for it
  roster              Roster: answers `/runners`: every registration, and the pod that each belongs to
  metrics             Metrics: answers `/metrics`
  logs                one JSON line per thing that happened

Never imports Pulumi, the program's other rooms or the lab.
"""
