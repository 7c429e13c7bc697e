export default function Overview() {
  return <section className="page" />
}
