import time, json, statistics, asyncio, httpx
from tests.api.conftest import body


async def test_m(api, stack, sandbox, alone):
    ts = []
    for _ in range(12):
        trip = await sandbox.trip()
        t = time.perf_counter()
        a = await api.post("/booking/book", json=body(trip))
        ts.append(time.perf_counter() - t)
    print("book ms", [round(x * 1000) for x in ts])
    b = a.json()
    print(json.dumps(b, indent=1))
    ts = []
    for _ in range(20):
        t = time.perf_counter()
        w = await api.get("/booking/" + b["bookingId"])
        ts.append(time.perf_counter() - t)
    print("get ms", round(statistics.median(ts) * 1000, 1))
    print(json.dumps(w.json(), indent=1)[:3500])
    t = time.perf_counter()
    r = await alone.post("/booking/book", json=body(await sandbox.trip()))
    print("temporal down", r.status_code, time.perf_counter() - t)
    await sandbox.arm("booking_com", "book", "refuse", nth=1)
    r = await api.post("/booking/book", json=body(await sandbox.trip()))
    print(json.dumps(r.json()["error"], indent=1, ensure_ascii=False))
    r = await api.post("/booking/cancel", json={"bookingId": b["bookingId"]})
    print(json.dumps(r.json(), indent=1, ensure_ascii=False))
    desc = await stack.client.get_workflow_handle(b["bookingId"]).describe()
    print(await desc.static_summary(), await desc.static_details(), await desc.memo())
    for run in [w async for w in stack.client.list_workflows(f"WorkflowId='{b['bookingId']}'")]:
        d = await stack.client.get_workflow_handle(b["bookingId"], run_id=run.run_id).describe()
        print(run.workflow_type, await d.static_summary())
        print(await d.static_details())
